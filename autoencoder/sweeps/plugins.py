"""The sweepers and the launchers of this package, made known to Hydra."""

from hydra.core.config_store import ConfigStore
from hydra.core.plugins import Plugins


def register(classes: bool = True) -> None:
    """Makes them known; to be called before the program's `hydra.main` function.

    Args:
        classes: Whether anything is to run; without the classes configs are composed all the same.
    """
    plugins = Plugins.instance()
    # Hydra's own of the same name would have their say in the files of `conf/`.
    for group, name in (("sweeper", "basic.yaml"), ("launcher", "joblib.yaml")):
        ConfigStore.instance().repo["hydra"].get(group, {}).pop(name, None)
    if not classes:
        return

    from autoencoder.sweeps.joblib_launcher import JoblibLauncher
    from autoencoder.sweeps.optuna_sweeper import OptunaSweeper
    from autoencoder.sweeps.paired_sweeper import PairedSweeper
    from autoencoder.sweeps.ray_launcher import RayLauncher
    from autoencoder.sweeps.slurm_launcher import SlurmLauncher

    for plugin in (PairedSweeper, OptunaSweeper, JoblibLauncher, SlurmLauncher, RayLauncher):
        plugins.register(plugin)
        # Hydra refuses a plugin whose name is not in the name space hydra_plugins. It looks the
        # name up in this table, so the class need not be moved to a package of that name.
        name = f"hydra_plugins.{plugin.__module__}.{plugin.__name__}"
        plugins.class_name_to_class[name] = plugin
