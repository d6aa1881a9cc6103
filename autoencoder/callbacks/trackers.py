"""What trackers of runs have in common: their packages, and the sweep that a run is part of."""

from importlib.util import find_spec
from pathlib import Path

from autoencoder import AutoencoderError, runs


class TrackerError(AutoencoderError):
    """A tracker that can't be used."""


def check_installed(package: str) -> None:
    """Looks for the package of a tracker, which has the name of its choice and of its extra.

    Raises:
        TrackerError: If it is missing.
    """
    if find_spec(package) is None:
        raise TrackerError(
            f"logger={package} takes {package}: pip install 'autoencoder-experiments[{package}]', "
            f"or pip install {package}"
        )


def sweep_of(run_dir: Path) -> Path | None:
    """The folder of the sweep that a run is part of, if it is; any process of it can ask."""
    sweep = run_dir.absolute().parent
    return sweep if (sweep / runs.SWEEP).exists() else None
