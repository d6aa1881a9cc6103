"""The folder of the config files, and the choices of its groups."""

from pathlib import Path

# In a checkout it lies beside the package, in a wheel inside of it.
CONF_DIR = next(path / "conf" for path in Path(__file__).parents[1:3] if (path / "conf").is_dir())


def choices(group: str) -> list[str]:
    """The names that a config group can be set to; none if it is no group."""
    return sorted(path.stem for path in (CONF_DIR / group).glob("*.yaml"))
