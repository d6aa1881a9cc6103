"""Where the files of a published data set are looked for, in order, until they are found."""

import hashlib
import http.client
import logging
import threading
import time
import urllib.request
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from pathlib import Path
from typing import NamedTuple

from torch import Tensor

from autoencoder import AutoencoderError
from autoencoder.data import debian, idx
from autoencoder.data.idx import FILES, IdxFiles, SourceError

log = logging.getLogger(__name__)

# The folder that is made for downloads; into any other nothing is downloaded unasked.
DOWNLOADS = Path("data")
# Seconds for all that comes from one mirror: 30 MB, so 100 kB in a second.
MIRROR_TIMEOUT = 300


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


def load_idx(dataset: IdxFiles, root: Path, download: bool) -> ImageData:
    """The data set from the first of its sources that has all four files intact.

    Sources, in this order: `root` (torchvision's layout, then the files lying flat in it), the
    folder of Debian's package, torchvision's mirrors, and Debian's package unpacked without root
    rights. What is downloaded is kept in `root/<name>/raw`, as torchvision does.

    Args:
        dataset: What to look for.
        root: The folder of the data, which need not exist.
        download: Whether to download into `root` although it is not `DOWNLOADS`.

    Raises:
        DataNotFoundError: If no source has the files.
    """
    download = download or root == DOWNLOADS
    failures = []
    for origin, read in _sources(dataset, root.expanduser(), download):
        try:
            contents = read()
        except SourceError as error:
            # A line for each source, however much a server or apt-get had to say.
            failures.append(f"{origin}: {' '.join(str(error).split())[:300]}")
        else:
            return _image_data(dataset, origin, contents)
    form = ", each as .gz" if dataset.sums_are_of_gz else ", plain or .gz"
    advice = [f"data.root=FOLDER, where FOLDER has {', '.join(FILES)}{form}"]
    if not download:
        advice.append(f"data.download=true, to have them downloaded into {root}")
    if dataset.package:
        advice.append(f"apt-get install {dataset.package.name}, on Debian or Ubuntu")
    advice.append("data=synthetic, for drawn garments that need no files")
    message = [f"The files of {dataset.title} were not found. Tried:", *failures]
    raise DataNotFoundError("\n  ".join(message) + "\n  ".join(["\nWhat helps:", *advice]))


def _sources(
    dataset: IdxFiles, root: Path, download: bool
) -> list[tuple[str, Callable[[], list[bytes]]]]:
    """Where each source is, in words, and the function that reads it; the nearest first."""
    kept, package = root / dataset.name / "raw", dataset.package
    sources: list[tuple[str, Callable[[], list[bytes]]]] = [
        (str(folder), partial(dataset.read_folder, folder)) for folder in (kept, root)
    ]
    if package:
        installed = f"Debian package {package.name}, in {package.folder}"
        sources.append((installed, partial(dataset.read_folder, package.folder)))
    if download:
        sources.append(("torchvision's mirrors", partial(_download, dataset, kept)))
    if download and package:
        fetched = f"Debian package {package.name}, fetched"
        sources.append((fetched, partial(debian.fetch, dataset, package, kept)))
    return sources


def _image_data(dataset: IdxFiles, origin: str, contents: list[bytes]) -> ImageData:
    train_images, train_labels, test_images, test_labels = map(idx.parse, contents)
    return ImageData(
        train_images.unsqueeze(1),
        train_labels.long(),
        test_images.unsqueeze(1),
        test_labels.long(),
        dataset.classes,
        origin,
        hashlib.sha256(b"".join(contents)).hexdigest(),
    )


def _download(dataset: IdxFiles, folder: Path) -> list[bytes]:
    """What the folder lacks comes from the first of torchvision's mirrors that has all of it.

    Torchvision's MD5 sums are left alone, as the SHA-256 of what is inside says more.
    """
    idx.check_writable(folder)
    try:
        # Here, because importing torchvision takes seconds.
        import torchvision.datasets
    except (ImportError, RuntimeError) as error:  # RuntimeError: built for another torch
        raise SourceError(f"torchvision cannot be imported ({error})") from error
    problems = []
    known = getattr(torchvision.datasets, dataset.name, None)
    for mirror in getattr(known, "mirrors", ()):
        deadline = time.monotonic() + MIRROR_TIMEOUT
        try:
            return [_download_file(dataset, folder, name, mirror, deadline) for name in FILES]
        except SourceError as error:
            problems.append(str(error))
    raise SourceError("; ".join(problems) or f"none has {dataset.name}")


def _download_file(
    dataset: IdxFiles, folder: Path, name: str, mirror: str, deadline: float
) -> bytes:
    try:
        return dataset.read_file(folder, name)
    except SourceError:
        url = f"{mirror}{name}.gz"
    log.info("Downloading %s", url)
    answer: Future[bytes] = Future()
    # A thread that can be left behind: a server that drips never lets a socket's timeout pass.
    threading.Thread(target=_get, args=(url, answer), daemon=True).start()
    try:
        raw = answer.result(deadline - time.monotonic())
        content = dataset.check(name, raw)
    except TimeoutError as error:
        raise SourceError(f"{url} takes more than {MIRROR_TIMEOUT} s") from error
    except SourceError as error:
        raise SourceError(f"{url} {error}") from error
    idx.keep(folder / f"{name}.gz", raw)
    return content


def _get(url: str, answer: "Future[bytes]") -> None:
    """What lies at an address, up to the size of the largest file."""
    try:
        with urllib.request.urlopen(url, timeout=idx.ANSWER_TIMEOUT) as response:
            answer.set_result(response.read(idx.LARGEST_FILE))
    except (OSError, http.client.HTTPException) as error:
        answer.set_exception(SourceError(str(error)))
    except BaseException as error:
        answer.set_exception(error)
