"""Debian's package of a data set, which needs neither root rights nor an installation."""

import logging
import shutil
import subprocess
import tempfile
from pathlib import Path

from autoencoder.data import idx
from autoencoder.data.idx import DebianPackage, IdxFiles, SourceError

log = logging.getLogger(__name__)

# Seconds for one step, of which the longest is a download of 30 MB.
STEP_TIMEOUT = 180


def fetch(dataset: IdxFiles, package: DebianPackage, folder: Path) -> list[bytes]:
    """The contents of the four files, which are kept in a folder.

    apt checks the signatures, and works in private folders: the system's own need root rights.

    Raises:
        SourceError: If the package can't be fetched, or its files are not the published ones.
    """
    if missing := [tool for tool in ("apt-get", "dpkg-deb") if shutil.which(tool) is None]:
        raise SourceError(f"no {' and no '.join(missing)} here")
    idx.check_writable(folder)
    log.info("Fetching the Debian package %s", package.name)
    with tempfile.TemporaryDirectory() as name:
        private = Path(name)
        (private / "lists").mkdir()
        (private / "cache").mkdir()
        options = {
            "Dir::State::Lists": private / "lists",
            "Dir::Cache": private / "cache",
            # Its user may not read a private folder, and a warning of that hides better reasons.
            "APT::Sandbox::User": "root",
            "Acquire::Retries": 0,
            "Acquire::http::Timeout": idx.ANSWER_TIMEOUT,
            "Acquire::https::Timeout": idx.ANSWER_TIMEOUT,
        }
        apt_get = ["apt-get", "-q", *(f"-o{key}={value}" for key, value in options.items())]
        # Without a network `update` only warns, and `download` then knows no such package.
        warnings = _run([*apt_get, "update"], private)
        _run([*apt_get, "download", package.name], private, warnings)
        _run(["dpkg-deb", "-x", *(path.name for path in private.glob("*.deb")), "files"], private)
        unpacked = private / "files" / package.folder.relative_to("/")
        contents = dataset.read_folder(unpacked)
        for path in unpacked.iterdir():
            idx.keep(folder / path.name, path.read_bytes())
    return contents


def _run(command: list[str], folder: Path, warnings: str = "") -> str:
    """Runs a command in a folder and returns its warnings; earlier ones may explain a failure."""
    try:
        return subprocess.run(
            command,
            cwd=folder,
            check=True,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=STEP_TIMEOUT,
        ).stderr
    except subprocess.CalledProcessError as error:
        raise SourceError(f"{command[0]} says: {error.stderr} {warnings}") from error
    except subprocess.TimeoutExpired as error:
        raise SourceError(f"{command[0]} took more than {STEP_TIMEOUT} s") from error
    except OSError as error:
        raise SourceError(f"{command[0]}: {error.strerror}") from error
