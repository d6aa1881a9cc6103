"""The folder of the configs."""

from pathlib import Path

# In a checkout it lies beside the package, in a wheel inside of it.
CONF_DIR = next(path / "conf" for path in Path(__file__).parents[1:3] if (path / "conf").is_dir())
