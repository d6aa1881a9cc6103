"""The image files: where they are looked for, how they are checked, how they become tensors.

Every set here is published as four IDX files with the same names, so a name proves nothing: a
file is used only if its SHA-256 is the published one, wherever it came from.
"""

import contextlib
import hashlib
import http.client
import logging
import shutil
import struct
import subprocess
import tempfile
import urllib.request
import uuid
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from autoencoder import AutoencoderError

log = logging.getLogger(__name__)

# The order of the sums below, and of the bytes under ImageData.checksum.
FILES = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)

# Seconds without an answer: a machine with no network shall fail in seconds.
ANSWER_TIMEOUT = 10
# Seconds for one step of fetching the package, of which the longest is a download of 30 MB.
STEP_TIMEOUT = 180
# Bytes; no file is as large, so reading can stop here whatever a server sends.
LARGEST_FILE = 2**26


class ImageData(NamedTuple):
    """A labelled image data set in memory, already split as it was published.

    Attributes:
        train_images: uint8, `(N, C, H, W)`.
        train_labels: int64, `(N,)`, indices into `classes`.
        test_images: uint8, `(M, C, H, W)`.
        test_labels: int64, `(M,)`.
        classes: The name of each label.
        origin: One short line for people: where the images came from.
        checksum: SHA-256 (hex) of the data, to tell whether two runs saw the same images.
    """

    train_images: Tensor
    train_labels: Tensor
    test_images: Tensor
    test_labels: Tensor
    classes: tuple[str, ...]
    origin: str
    checksum: str


class DataNotFoundError(AutoencoderError):
    """No source could give the files; the text says what was tried and what to type instead."""


@dataclass(frozen=True)
class IdxFiles:
    """A data set that is published as four IDX files.

    Attributes:
        title: What people call it.
        name: torchvision's class for it, which is also the folder that torchvision makes.
        sums: SHA-256 of each of `FILES`.
        classes: The name of each label.
        sums_are_of_gz: Whether `sums` are of the compressed files, not of what is inside them.
        package: The Debian package that carries it, if one does.
        package_folder: Where that package puts the files.
    """

    title: str
    name: str
    sums: tuple[str, ...]
    classes: tuple[str, ...]
    sums_are_of_gz: bool = False
    package: str | None = None
    package_folder: Path | None = None


FASHION_MNIST = IdxFiles(
    title="Fashion-MNIST",
    name="FashionMNIST",
    sums=(
        "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
        "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
        "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
        "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
    ),
    classes=(
        "T-shirt/top",
        "Trouser",
        "Pullover",
        "Dress",
        "Coat",
        "Sandal",
        "Shirt",
        "Sneaker",
        "Bag",
        "Ankle boot",
    ),
    package="dataset-fashion-mnist",
    package_folder=Path("/usr/share/datasets/fashion-mnist"),
)

MNIST = IdxFiles(
    title="MNIST",
    name="MNIST",
    sums=(
        "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    ),
    classes=tuple("0123456789"),
)

KMNIST = IdxFiles(
    title="KMNIST",
    name="KMNIST",
    # Only the compressed files have sums that independent projects agree on.
    sums=(
        "51467d22d8cc72929e2a028a0428f2086b092bb31cfb79c69cc0a90ce135fde4",
        "e38f9ebcd0f3ebcdec7fc8eabdcdaef93bb0df8ea12bee65224341c8183d8e17",
        "edd7a857845ad6bb1d0ba43fe7e794d164fe2dce499a1694695a792adfac43c5",
        "20bb9a0ef54c7db3efc55a92eef5582c109615df22683c380526788f98e42a1c",
    ),
    classes=("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"),
    sums_are_of_gz=True,
)


def load_fashion_mnist(root: Path) -> ImageData:
    """Fashion-MNIST: 60,000 and 10,000 grey images of 28 x 28.

    Sources, in this order: `root` (torchvision's layout, then the files lying flat in it), the
    folder of Debian's package, torchvision's mirrors, and Debian's package unpacked without root
    rights. What is downloaded is kept under `root`.

    Args:
        root: The folder of the data, which need not exist.

    Raises:
        DataNotFoundError: If no source has the files.
    """
    return load_idx(FASHION_MNIST, root)


def load_mnist(root: Path) -> ImageData:
    """MNIST, the handwritten digits: from `root`, else torchvision's mirrors.

    Args:
        root: The folder of the data, which need not exist.

    Raises:
        DataNotFoundError: If no source has the files.
    """
    return load_idx(MNIST, root)


def load_kmnist(root: Path) -> ImageData:
    """Kuzushiji-MNIST, cursive Japanese characters: from `root`, else torchvision's mirrors.

    Its published sums are of the compressed files, so only those (`.gz`) are accepted.

    Args:
        root: The folder of the data, which need not exist.

    Raises:
        DataNotFoundError: If no source has the files.
    """
    return load_idx(KMNIST, root)


def load_idx(dataset: IdxFiles, root: Path) -> ImageData:
    """The data set from the first of its sources that has all four files intact.

    Args:
        dataset: What to look for.
        root: The folder of the data; downloads go to `root/<name>/raw`, as torchvision's do.

    Raises:
        DataNotFoundError: If no source has the files.
    """
    failures = []
    for origin, read in _sources(dataset, Path(root).expanduser()):
        try:
            contents = read()
        except _SourceError as error:
            # A line for each source, however much a server or apt-get had to say.
            failures.append(f"{origin}: {' '.join(str(error).split())[:300]}")
        else:
            return _image_data(dataset, origin, contents)
    form = ", each as .gz" if dataset.sums_are_of_gz else ", plain or .gz"
    advice = [f"data.root=FOLDER, where FOLDER has {', '.join(FILES)}{form}"]
    if dataset.package:
        advice.append(f"apt-get install {dataset.package}, on Debian or Ubuntu")
    advice.append("data=synthetic, for drawn garments that need no files")
    message = [f"The files of {dataset.title} were not found. Tried:", *failures]
    raise DataNotFoundError("\n  ".join(message) + "\n  ".join(["\nWhat helps:", *advice]))


class _SourceError(Exception):
    """Why a source cannot be used."""


def _sources(dataset: IdxFiles, root: Path) -> list[tuple[str, Callable[[], list[bytes]]]]:
    """Where each source is, in words, and the function that reads it; the nearest first."""
    kept = root / dataset.name / "raw"
    sources: list[tuple[str, Callable[[], list[bytes]]]] = [
        (str(folder), partial(_read_folder, dataset, folder)) for folder in (kept, root)
    ]
    package = f"Debian package {dataset.package}"
    if dataset.package_folder:
        installed = partial(_read_folder, dataset, dataset.package_folder)
        sources.append((f"{package}, in {dataset.package_folder}", installed))
    sources.append(("torchvision's mirrors", partial(_download, dataset, kept)))
    if dataset.package:
        sources.append((f"{package}, fetched", partial(_fetch_package, dataset, kept)))
    return sources


def _image_data(dataset: IdxFiles, origin: str, contents: list[bytes]) -> ImageData:
    train_images, train_labels, test_images, test_labels = map(_parse_idx, contents)
    return ImageData(
        train_images.unsqueeze(1),
        train_labels.long(),
        test_images.unsqueeze(1),
        test_labels.long(),
        dataset.classes,
        origin,
        hashlib.sha256(b"".join(contents)).hexdigest(),
    )


def _parse_idx(content: bytes) -> Tensor:
    """The array of an IDX file: a magic number whose last byte counts the axes, sizes, values."""
    axes = content[3]
    shape = struct.unpack_from(f">{axes}I", content, 4)
    values = np.frombuffer(content, np.uint8, offset=4 + 4 * axes)
    return torch.from_numpy(values.reshape(shape).copy())


def _check(dataset: IdxFiles, name: str, raw: bytes) -> bytes:
    """The content of a file, plain or gzipped, if its SHA-256 is the published one.

    Raises:
        _SourceError: If the file is damaged, or is another file.
    """
    content = raw
    # Not by its name: what decompresses a file on the way often leaves the .gz in the name.
    if raw.startswith(b"\x1f\x8b"):
        gzipped = zlib.decompressobj(wbits=31)
        try:
            content = gzipped.decompress(raw, LARGEST_FILE)
        except zlib.error as error:
            raise _SourceError("is damaged") from error
        if not gzipped.eof:
            raise _SourceError("is cut short")
    found = hashlib.sha256(raw if dataset.sums_are_of_gz else content).hexdigest()
    if found != dataset.sums[FILES.index(name)]:
        kind = "of the .gz" if dataset.sums_are_of_gz else "of the content"
        raise _SourceError(f"is not {dataset.title}'s: wrong SHA-256 {kind}")
    return content


def _read_folder(dataset: IdxFiles, folder: Path) -> list[bytes]:
    if not folder.is_dir():
        raise _SourceError("no such folder")
    return [_read_file(dataset, folder, name) for name in FILES]


def _read_file(dataset: IdxFiles, folder: Path, name: str) -> bytes:
    """The content of a file that lies in the folder plain or as .gz, whichever is intact."""
    problems = []
    for path in (folder / name, folder / f"{name}.gz"):
        try:
            return _check(dataset, name, path.read_bytes())
        except FileNotFoundError:
            continue
        except OSError as error:
            problems.append(f"{path.name} cannot be read ({error.strerror})")
        except _SourceError as error:
            problems.append(f"{path.name} {error}")
    raise _SourceError("; ".join(problems) or f"no {name}")


def _store(path: Path, raw: bytes) -> None:
    """Writes a checked file, which appears under its name only when it is whole."""
    # A name of its own, so that two processes which download at once do not share it.
    aside = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        aside.write_bytes(raw)
        aside.replace(path)
    except OSError as error:
        raise _SourceError(f"{path} cannot be written ({error.strerror})") from error
    finally:
        with contextlib.suppress(OSError):
            aside.unlink()


def _check_writable(folder: Path) -> None:
    """Tries the place where files will be kept before they are downloaded, not after.

    It makes no folder, so that a failed download, or a mistyped root, leaves nothing behind.
    """
    try:
        existing = next(path for path in (folder, *folder.parents) if path.exists())
        with tempfile.TemporaryFile(dir=existing):
            pass
    except OSError as error:
        reason = f"{folder} cannot be written ({error.strerror}), so nothing could be kept"
        raise _SourceError(reason) from error


def _download(dataset: IdxFiles, folder: Path) -> list[bytes]:
    """What the folder lacks comes from torchvision's mirrors.

    Torchvision's MD5 sums are left alone, as the SHA-256 of what is inside says more.
    """
    _check_writable(folder)
    try:
        # Here, because importing torchvision takes seconds.
        import torchvision.datasets
    except (ImportError, RuntimeError) as error:  # RuntimeError: built for another torch
        raise _SourceError(f"torchvision cannot be imported ({error})") from error
    mirrors = getattr(torchvision.datasets, dataset.name).mirrors
    contents = []
    for name in FILES:
        try:
            contents.append(_read_file(dataset, folder, name))
        except _SourceError:
            contents.append(_download_file(dataset, folder, name, mirrors))
    return contents


def _download_file(dataset: IdxFiles, folder: Path, name: str, mirrors: list[str]) -> bytes:
    problems = []
    for mirror in mirrors:
        url = f"{mirror}{name}.gz"
        log.info("Downloading %s", url)
        try:
            with urllib.request.urlopen(url, timeout=ANSWER_TIMEOUT) as response:
                raw: bytes = response.read(LARGEST_FILE)
            content = _check(dataset, name, raw)
        except (OSError, http.client.HTTPException, _SourceError) as error:
            problems.append(f"{url} {error}")
        else:
            _store(folder / f"{name}.gz", raw)
            return content
    raise _SourceError("; ".join(problems))


def _fetch_package(dataset: IdxFiles, folder: Path) -> list[bytes]:
    """The files of the Debian package, which needs neither root rights nor an installation.

    apt checks the signatures, and works in private folders: the system's own need root rights.
    """
    missing = [tool for tool in ("apt-get", "dpkg-deb") if shutil.which(tool) is None]
    if missing or not dataset.package or not dataset.package_folder:
        raise _SourceError(f"no {' and no '.join(missing)} here")
    _check_writable(folder)
    log.info("Fetching the Debian package %s", dataset.package)
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
            "Acquire::http::Timeout": ANSWER_TIMEOUT,
            "Acquire::https::Timeout": ANSWER_TIMEOUT,
        }
        apt_get = ["apt-get", "-q", *(f"-o{key}={value}" for key, value in options.items())]
        # Without a network `update` only warns, and `download` then knows no such package.
        warnings = _run([*apt_get, "update"], private)
        _run([*apt_get, "download", dataset.package], private, warnings)
        _run(["dpkg-deb", "-x", *(path.name for path in private.glob("*.deb")), "files"], private)
        unpacked = private / "files" / dataset.package_folder.relative_to("/")
        contents = _read_folder(dataset, unpacked)
        for path in unpacked.iterdir():
            _store(folder / path.name, path.read_bytes())
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
        raise _SourceError(f"{command[0]} says: {error.stderr} {warnings}") from error
    except subprocess.TimeoutExpired as error:
        raise _SourceError(f"{command[0]} took more than {STEP_TIMEOUT} s") from error
    except OSError as error:
        raise _SourceError(f"{command[0]}: {error.strerror}") from error
