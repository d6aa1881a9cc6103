"""One's own images: a folder of image files, in class folders or not, as a data set."""

import logging
from collections import Counter
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor

from autoencoder import AutoencoderError
from autoencoder.data import kept, packed
from autoencoder.data.module import ImageDataModule, check_whole
from autoencoder.data.pictures import find_images
from autoencoder.data.scan import Entry
from autoencoder.data.shares import count_of, drawn_order
from autoencoder.data.sources import DataNotFoundError, ImageData

log = logging.getLogger(__name__)

Labels = Literal["auto", "folders", "none"]
# Folders that hold a split of one's own.
_OWN = ("train", "val", "test")
# Files that are named where many have a problem.
_NAMED = 10

# How problems begin, and what they are counted as.
_KINDS = {
    "has several": "of several frames or pages",
    "is a copy": "copies of others",
    "is empty": "empty",
    "is gigantic": "gigantic",
    "cannot be read": "not to be read",
}


class ImageFolderError(AutoencoderError):
    """A folder of images that can't be used as it is; the text names the files and what helps."""


class ImageFolder(ImageDataModule):
    """Image files in a folder: of any kind and size, with classes where folders name them.

    Where there is a folder `train`, it, `val` and `test` are the splits. What is missing of them
    is drawn from the training images by `split_seed`.

    Args:
        root: The folder.
        image_size: Height and width to which the middle square of each image is resized.
        channels: 1 for grey, 3 for colours.
        val_size: Images held out of the training images for validation: a number, or a share.
        test_size: The same for the test, held out first.
        labels: `folders`: the first folder of a file's path is its class; `none`: there are no
            classes; `auto`: the first where all files are in folders, else the second.
        stratify: Whether what is held out has the classes in the proportions of all images.
        skip_broken: Whether to go on without files that can't be read, with the first frame of
            those that have several, and with one of those that are equal.
        cache: The folder where decoded images are kept; None for `.autoencoder` in `root`, or
            where that can't be written, the user's cache.
        **kwargs: As for `ImageDataModule`.

    Raises:
        ValueError: If an argument is not of its type, or too small.
    """

    def __init__(
        self,
        root: str | Path | None,
        image_size: int,
        channels: int,
        val_size: float,
        test_size: float,
        labels: Labels = "auto",
        stratify: bool = True,
        skip_broken: bool = False,
        cache: str | Path | None = None,
        **kwargs: object,
    ) -> None:
        super().__init__(val_size=1, **kwargs)  # type: ignore[arg-type]  # checked where named
        check_whole("image_size", image_size, 8)
        if channels not in (1, 3):
            raise ValueError(f"data.channels must be 1 (grey) or 3 (colours), got {channels!r}")
        for key, share in (("val_size", val_size), ("test_size", test_size)):
            count_of(key, share, 2**32)
        self.root, self.cache = root, cache
        self.image_size, self.channels = image_size, channels
        self.sizes = val_size, test_size
        self.labels: Labels = labels
        self.stratify, self.skip_broken = stratify, skip_broken
        self._val_first = False

    def load(self) -> ImageData:
        """Reads what is new of the folder, and maps what is kept of it."""
        if not self.root:
            raise DataNotFoundError(
                "data.root=FOLDER is missing: the folder of the images, with a folder a class, or "
                "train/ and test/ in it, or neither"
            )
        root = Path(self.root).expanduser()
        data, self.val_size, self._val_first = load_folder(self, root)
        return data

    def held_out(self, labels: Tensor) -> Tensor:
        """The images of `val` first, where there is such a folder; else drawn, by class."""
        if self._val_first:
            return torch.arange(len(labels))
        return drawn_order(labels, self.split_seed, self.stratify)


def load_folder(of: ImageFolder, root: Path) -> tuple[ImageData, int, bool]:
    """The images of a folder, how many are for validation, and whether these come first.

    Raises:
        DataNotFoundError: If there are none.
        ImageFolderError: If there are too few, their folders make no sense, or some can't be used.
    """
    paths = find_images(root)
    own = [name for name in _OWN if (root / name).is_dir()] if (root / "train").is_dir() else []
    split = f"own folders {own}, test_size {of.sizes[1]}, split_seed {of.split_seed}"
    plan = kept.Plan(
        of.image_size,
        of.channels,
        f"labels {of.labels}, {split}, stratify {of.stratify}",
        partial(_label, bool(own), _are_classes(root, paths, own, of.labels)),
        partial(_place, bool(own)),
        partial(_divide, root, of),
    )
    cache = Path(of.cache).expanduser() if of.cache else kept.cache_of(root)
    folder, entries = kept.kept(root, paths, cache, plan)
    _complain(root, entries, of.skip_broken)
    data = packed.read(folder)
    n_train = len(data.train_images)
    n_own = sum(entry.part != "" and plan.place_of(entry.path) == "val" for entry in entries)
    n_val = n_own or count_of("val_size", of.sizes[0], n_train)
    classes = f"{len(data.classes)} classes" if data.classes != packed.UNLABELLED else "no labels"
    used = n_train + len(data.test_images)
    origin = f"{root}: {used:,} of {len(entries):,} image files, {classes}"
    return data._replace(origin=origin, checksum=kept.identity_of(entries, plan)), n_val, n_own > 0


def _place(own: bool, path: str) -> str:
    """The split whose folder a file is in; empty where there are no such folders."""
    return Path(path).parts[0] if own else ""


def _label(own: bool, are_classes: bool, path: str) -> str:
    """The first folder of a file in its split."""
    return Path(path).parts[own] if are_classes else ""


def _are_classes(root: Path, paths: Sequence[Path], own: Sequence[str], labels: Labels) -> bool:
    """Whether the folders of the files are classes.

    Raises:
        ImageFolderError: If some files are in folders and others beside them.
    """
    relative = [path.relative_to(root) for path in paths]
    outside = [path for path in relative if own and path.parts[0] not in own]
    if outside:
        raise ImageFolderError(
            f"{root}: {len(outside):,} images are outside of {'/, '.join(own)}/, such as "
            f"{outside[0]}"
        )
    if labels == "none":
        return False
    loose = [path for path in relative if len(path.parts) == 1 + bool(own)]
    if len(loose) == len(relative) and labels == "auto":
        return False
    if loose:
        raise ImageFolderError(
            f"{root}: {len(loose):,} of {len(relative):,} images are in no class folder, such as "
            f"{loose[0]}; move them, or type data.labels=none"
        )
    return True


def _divide(
    root: Path, of: ImageFolder, places: Sequence[str], entries: Sequence[Entry]
) -> tuple[list[Entry], list[Entry]]:
    """Which files are for training, those of validation first, and which for the test."""
    pairs = list(zip(places, entries, strict=True))
    val = [entry for place, entry in pairs if place == "val"]
    test = [entry for place, entry in pairs if place == "test"]
    train = [entry for place, entry in pairs if place in ("train", "")]
    if len(train) < 3 - bool(val) - bool(test):
        raise ImageFolderError(
            f"{root} has {len(entries):,} usable images, {len(train):,} of them for training: too "
            "few for training, validation and test"
        )
    if not test:
        names = {name: number for number, name in enumerate({entry.label for entry in train})}
        labels = torch.tensor([names[entry.label] for entry in train])
        order = drawn_order(labels, of.split_seed, of.stratify).tolist()
        drawn = set(order[: count_of("test_size", of.sizes[1], len(train))])
        test = [entry for row, entry in enumerate(train) if row in drawn]
        train = [entry for row, entry in enumerate(train) if row not in drawn]
    return [*val, *train], test


def _complain(root: Path, entries: Sequence[Entry], skip_broken: bool) -> None:
    """Names the files with a problem, and the test images that are training images as well.

    Raises:
        ImageFolderError: If there are some and they are not to be skipped.
    """
    problems = [entry for entry in entries if entry.problem]
    if problems:
        kinds = Counter(map(_kind, problems))
        counted = ", ".join(f"{count:,} {kind}" for kind, count in kinds.most_common())
        lines = [f"{len(problems):,} of {len(entries):,} files in {root} have a problem: {counted}"]
        lines += _listed([f"{entry.path} {entry.problem}" for entry in problems])
        if not skip_broken:
            lines.append(
                "What helps: mend or remove them, or data.skip_broken=true, to go on without those "
                "that can't be read, with first frames, and with one of those that are equal"
            )
            raise ImageFolderError("\n".join(lines))
        log.warning("\n".join(lines))
    trained = {entry.sha256: entry.path for entry in entries if entry.part == "train"}
    seen = [entry for entry in entries if entry.part == "test" and entry.sha256 in trained]
    if seen:
        lines = [f"{len(seen):,} test images are training or validation images as well:"]
        lines += _listed([f"{entry.path} is {trained[entry.sha256]}" for entry in seen])
        log.warning("\n".join(lines))


def _kind(entry: Entry) -> str:
    """What a problem is counted as."""
    for beginning, kind in _KINDS.items():
        if entry.problem.startswith(beginning):
            return kind
    return "broken"


def _listed(lines: Sequence[str]) -> list[str]:
    more = len(lines) - _NAMED
    named = [f"  {line}" for line in lines[:_NAMED]]
    return [*named, f"  and {more:,} more; all are in manifest.csv"] if more > 0 else named
