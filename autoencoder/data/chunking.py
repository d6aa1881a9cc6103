"""The writer of images in chunks, through litdata, which goes on where it was interrupted."""

import hashlib
import json
import logging
import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from torch import Tensor

from autoencoder.data.card import data_card
from autoencoder.data.chunked import FACTS, Facts, check_installed
from autoencoder.data.packed import CARD, JOURNAL, PARTS, SUMS, UNLABELLED, PackedError
from autoencoder.data.packing import alone

log = logging.getLogger(__name__)

# Bytes of images in a chunk: a request to a server, and what lies in the cache at the least.
_CHUNK = 2**26
# Bytes that an item has beside its pixels: sizes, shape, type and label.
_BESIDE = 64


def write(
    folder: Path,
    parts: Mapping[str, tuple[Tensor, Tensor, Tensor]],
    classes: Sequence[str],
    about: Mapping[str, str],
    split_seed: int,
    identity: str,
    advance: Callable[[int], None] = lambda n: None,
) -> None:
    """Writes images in chunks, or goes on after the last chunk that is whole.

    Args:
        folder: Where to; it is made.
        parts: `train` and `test`: images uint8 `(N, C, H, W)`, labels `(N,)`, and the order `(N,)`
            in which they are to lie; as `chunked` says, that is the one of the split.
        classes: The names of the labels.
        about: What the data card says besides what is counted.
        split_seed: Seed of the orders.
        identity: Names the images; what others have left unfinished is thrown away.
        advance: Is told of each number of images that is done, those of before included.

    Raises:
        StreamError: If litdata is missing.
        PackedError: If finished images are there, another process writes there, or the disk is too
            small.
    """
    check_installed()
    folder = folder.expanduser()
    folder.mkdir(parents=True, exist_ok=True)
    with alone(folder):
        _begin(
            folder, repr([identity, _CHUNK, *(_sha256(order) for _, _, order in parts.values())])
        )
        needed = sum(images.nbytes for images, _, _ in parts.values())
        there = sum(path.stat().st_size for path in folder.glob("*/*.bin"))
        free = shutil.disk_usage(folder).free
        if needed - there > free:
            raise PackedError(f"{folder}: {needed / 1e9:.1f} GB to write, {free / 1e9:.1f} GB free")
        for name in PARTS:
            _write_part(folder / name, *parts[name], advance)
        sums = "".join(f"{digest}  {name}\n" for name, digest in _digests(folder))
        (folder / SUMS).write_text(sums, encoding="utf-8")
        described = {name: (images, labels) for name, (images, labels, _) in parts.items()}
        card = data_card(described, () if tuple(classes) == UNLABELLED else classes, about)
        (folder / CARD).write_text(card, encoding="utf-8")
        images = parts["train"][0]
        channels, height, width = images.shape[1:]
        n_train, n_test = (len(parts[name][0]) for name in PARTS)
        checksum = hashlib.sha256(sums.encode()).hexdigest()
        shape = (channels, height, width)
        found = Facts(shape, n_train, n_test, tuple(classes), split_seed, checksum)
        aside = folder / f".{FACTS}"
        aside.write_text(json.dumps(found._asdict(), ensure_ascii=False, indent=1) + "\n")
        aside.replace(folder / FACTS)
        (folder / JOURNAL).unlink()


def _begin(folder: Path, identity: str) -> None:
    """Refuses what is not its own, and clears what others have left unfinished."""
    journal = folder / JOURNAL
    if not journal.exists() and [path for path in folder.iterdir() if path.name[0] != "."]:
        raise PackedError(f"{folder} holds files already; remove it, or write elsewhere")
    known = journal.read_text(encoding="utf-8") if journal.exists() else identity
    if known != identity:
        log.info("%s: what is unfinished there is of other images; begun anew", folder)
        for path in folder.iterdir():
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()
    aside = journal.with_suffix(".aside")
    aside.write_text(identity, encoding="utf-8")
    aside.replace(journal)


def _write_part(
    folder: Path, images: Tensor, labels: Tensor, order: Tensor, advance: Callable[[int], None]
) -> None:
    import litdata
    from litdata.streaming import Cache

    if litdata.is_complete_dataset(str(folder)):
        advance(len(order))
        return
    folder.mkdir(exist_ok=True)
    size = max(1, _CHUNK // (images[0].nbytes + _BESIDE))
    aside = folder / ".aside"
    for number, rows in enumerate(order.split(size)):
        # As if each chunk were of a worker of litdata's, which lists what it has written.
        listed = folder / f"{number}.index.json"
        if not listed.exists():
            shutil.rmtree(aside, ignore_errors=True)
            cache = Cache(str(aside), chunk_size=size, writer_chunk_index=number)
            pairs = zip(images[rows], labels[rows].tolist(), strict=True)
            for place, (image, label) in enumerate(pairs):
                cache[place] = {"image": image, "label": label}
            for written in map(Path, cache.done() or ()):
                with written.open("rb") as file:
                    os.fsync(file.fileno())
                written.replace(folder / written.name)
            next(aside.glob("*.index.json")).replace(listed)
        advance(len(rows))
    shutil.rmtree(aside, ignore_errors=True)
    litdata.complete_dataset(str(folder))


def _digests(folder: Path) -> list[tuple[str, str]]:
    """Each chunk's name and SHA-256, in their order."""
    found = []
    for part in PARTS:
        chunks = json.loads((folder / part / "index.json").read_text())["chunks"]
        for name in (f"{part}/{chunk['filename']}" for chunk in chunks):
            with (folder / name).open("rb") as file:
                found.append((name, hashlib.file_digest(file, "sha256").hexdigest()))
    return found


def _sha256(order: Tensor) -> str:
    return hashlib.sha256(order.numpy().tobytes()).hexdigest()
