"""Images that a trained model makes: of images, of noisy ones, of its prior, and on the way."""

import hashlib
import logging
import tempfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from autoencoder.analysis import walks
from autoencoder.analysis.denoising import decibel
from autoencoder.data.noise import GaussianNoise
from autoencoder.runs.files import folder_replaced, written_aside
from autoencoder.trained.arrays import InputError, as_batch
from autoencoder.trained.embed import labels_of, write_npy
from autoencoder.trained.images import Block, Images, open_images
from autoencoder.trained.options import Options, part_folder
from autoencoder.trained.pixels import as_uint8, png, write_sheet
from autoencoder.trained.progress import Made, Parts, worked_through
from autoencoder.trained.run import Run

log = logging.getLogger(__name__)

_KINDS = (".npy", ".png")
_NUMBERED = "{:06d}.png"
# Images on a sheet, and those that are made at once where nothing else says how many.
SHOWN, _AT_ONCE = 40, 10_000


def reconstruct(
    options: Options,
    *,
    images: str | int | None,
    split: Literal["train", "val", "test"],
    label: str | int | None,
    skip_broken: bool,
) -> None:
    """Writes reconstructions of images, and says how far they are from them.

    Args:
        options: Run, place, device. Without a place, only the error is said.
        images: As for `open_images`.
        split: As for `open_images`.
        label: The class of all images, for a model that sees labels; None: that of their folders.
        skip_broken: As for `open_images`.
    """
    run = options.load()
    out = _place(options)
    source = open_images(run, images, split, skip_broken=skip_broken)
    _restore(run, source, out, label, std=None, seed=0)


def denoise(
    options: Options,
    *,
    images: str | int | None,
    split: Literal["train", "val", "test"],
    label: str | int | None,
    skip_broken: bool,
    std: float,
    seed: int,
) -> None:
    """Writes images without their noise, and where the clean ones are known, how well that went.

    Args:
        options: Run, place, device. Without a place, only the errors are said.
        images: As for `open_images`; the run's own are taken as its noise leaves them.
        split: As for `open_images`.
        label: As for `reconstruct`.
        skip_broken: As for `open_images`.
        std: Of Gaussian noise that is put onto the images first; 0 if they are noisy already.
        seed: Of that noise.
    """
    if std < 0:
        raise InputError(f"std must be a number >= 0, got {std}")
    run = options.load()
    out = _place(options)
    source = open_images(run, images, split, skip_broken=skip_broken)
    _restore(run, source, out, label, std=std, seed=seed)


def generate(options: Options, *, count: int, label: str | int | None, seed: int) -> None:
    """Writes new images, as `Run.sample` draws them.

    Args:
        options: Run, place, device.
        count: How many.
        label: Of which class; None: of all.
        seed: The same one gives the same images.
    """
    if count < 1:
        raise InputError(f"count must be a whole number >= 1, got {count}")
    out = options.place(*_KINDS, folder="of PNG files")
    run = options.load()
    made = (
        run.sample(min(_AT_ONCE, count - start), label, seed=_seed_of(seed, number))
        for number, start in enumerate(range(0, count, _AT_ONCE))
    )
    if out.suffix == ".npy":
        write_npy(out, count, made)
    elif out.suffix == ".png":
        write_sheet(out, {"generated": next(made)[:SHOWN]})
    else:
        _write_pngs(out, chain.from_iterable(made))
    log.info("%s images: %s", f"{count:,}", out)


def interpolate(
    options: Options,
    *,
    images: str | int | None,
    split: Literal["train", "val", "test"],
    label: str | int | None,
    start: str | int,
    end: str | int,
    steps: int,
    spherical: bool,
) -> None:
    """Writes the images on the way between two, evenly spaced in the latent, both ends among them.

    Args:
        options: Run, place, device.
        images: As for `open_images`.
        split: As for `open_images`.
        label: The class of all of them, for a model that sees labels; None: that of the start.
        start: The number of an image among `images`, from 0, or an image file.
        end: The same for the other end.
        steps: Images, with the ends.
        spherical: Whether the way is an arc instead of a straight line.
    """
    out = options.place(*_KINDS, folder="of PNG files")
    if steps < 2:
        raise InputError(f"steps must be a whole number >= 2, its ends; got {steps}")
    run = options.load()
    ends = [_chosen(run, end, images, split) for end in (start, end)]
    labels = labels_of(run, ends[0], label)
    one, other = (torch.from_numpy(run.encode(end.images, labels)) for end in ends)
    way = walks.interpolate(one, other, steps, spherical=spherical)[0]
    made = run.decode(way.numpy(), labels if labels is None else _first(labels))
    if out.suffix == ".npy":
        with written_aside(out) as aside:
            np.save(aside, made)
    elif out.suffix == ".png":
        pixels = [as_uint8(end.images).reshape(-1, *run.image_shape) for end in ends]
        shown = np.concatenate([pixels[0], as_uint8(made), pixels[1]])
        write_sheet(out, {"image, way, image": shown}, columns=len(shown))
    else:
        _write_pngs(out, made)
    log.info("%s images: %s", f"{steps:,}", out)


def _write_pngs(out: Path, images: Iterable[NDArray[Any]]) -> None:
    with folder_replaced(out) as folder:
        for number, image in enumerate(images):
            (folder / _NUMBERED.format(number)).write_bytes(png(image))


def _place(options: Options) -> Path | None:
    return None if options.out is None else options.place(*_KINDS, folder="of PNG files")


def _first(labels: Any) -> Any:
    return labels if isinstance(labels, str | int) else labels[0]


def _seed_of(seed: int, number: int) -> int:
    """The seed itself for the first images, so that few are those of `Run.sample`."""
    if number == 0:
        return seed
    return int.from_bytes(hashlib.sha256(f"{seed} {number}".encode()).digest()[:4], "big")


def _restore(
    run: Run, source: Images, out: Path | None, label: str | int | None, *, std: float | None,
    seed: int,
) -> None:  # fmt: skip
    """Reconstructions of images, or of what noise makes of them where `std` is a number."""
    shape = run.image_shape

    def make(block: Block) -> Made:
        clean, given, known = block.images, block.images, std is None
        if std is not None and block.corrupted is not None:
            given, known = block.corrupted, True
        if std:
            given, known = (
                _noisy(given, shape, std, seed + zlib.crc32(block.names[0].encode())),
                True,
            )
        restored = run.reconstruct(given, labels_of(run, block, label))
        made = {}
        if known:
            target = as_batch(clean, shape, "images").numpy()
            pixels = as_batch(given, shape, "images").numpy()
            of_given = (pixels - target).reshape(len(target), -1)
            of_restored = restored.reshape(target.shape) - target
            made["errors"] = np.square(of_restored.reshape(len(target), -1)).mean(1, dtype=float)
            made["errors_of_input"] = np.square(of_given).mean(1, dtype=float)
        if out is not None and out.suffix == ".png":
            made |= {"clean": as_uint8(clean[:SHOWN])} if known and std is not None else {}
            made |= {"given": as_uint8(given[:SHOWN]), "made": as_uint8(restored[:SHOWN])}
        elif out is not None:
            made["made"] = restored if out.suffix == ".npy" else as_uint8(restored)
        return made

    with (
        _parts_beside(out) as folder,
        worked_through(run, source, make, folder, [std, seed, label, str(out)]) as parts,
    ):
        if not parts.count:
            raise InputError(f"{source.title}: no image in it")
        if out is not None:
            _write(out, parts, source, shape)
        log.info("%s", _in_words(parts, source, out))


@contextmanager
def _parts_beside(out: Path | None) -> Iterator[Path]:
    if out is not None:
        yield part_folder(out)
        return
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


def _write(out: Path, parts: Parts, source: Images, shape: tuple[int, ...]) -> None:
    if out.suffix == ".npy":
        write_npy(out, parts.count, (part["made"] for part in parts))
    elif out.suffix == ".png":
        first = next(iter(parts))
        titles = {"clean": "image", "given": "input", "made": "reconstruction"}
        rows = {
            title: first[name].reshape(-1, *shape)[:SHOWN]
            for name, title in titles.items()
            if name in first
        }
        write_sheet(out, rows)
    else:
        with folder_replaced(out) as folder:
            for part in parts:
                for name, image in zip(part["names"].tolist(), part["made"], strict=True):
                    path = folder / _name_of(name, source)
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.write_bytes(png(image))


def _name_of(name: str, source: Images) -> Path:
    """The place of what was made of an image, within the folder; always below it."""
    if not source.paths:
        return Path(_NUMBERED.format(int(name)))
    path = Path(name)
    if path.is_relative_to(source.title) and path != Path(source.title):
        path = path.relative_to(source.title)
    within = [part for part in path.parts if part not in (path.anchor, "..")]
    *folders, last = within
    return Path(*folders, last if last.lower().endswith(".png") else f"{last}.png")


def _in_words(parts: Parts, source: Images, out: Path | None) -> str:
    said = f"{parts.count:,} images"
    if all("errors" in part for part in parts):
        mse, before = parts.array("errors").mean(), parts.array("errors_of_input").mean()
        said += f", MSE {mse:.6f}, PSNR {decibel(mse):.2f} dB"
        said += f" (before: {decibel(before):.2f} dB)" if before else ""
    return f"{said}: {source.title if out is None else out}"


def _noisy(
    images: NDArray[Any], shape: tuple[int, ...], std: float, seed: int
) -> NDArray[np.float32]:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        noisy: Tensor = GaussianNoise(std, clip=True)(as_batch(images, shape, "images"))
    return noisy.numpy().reshape(images.shape)


def _chosen(run: Run, which: str | int, images: str | int | None, split: str) -> Block:
    """A block of one image."""
    if isinstance(which, str) and not which.isdecimal():
        source, number = open_images(run, which), 0
    else:
        source, number = open_images(run, images, split), int(which)
    last = number // source.size * source.size
    for block in source.blocks(last) if source.count is None or number < source.count else ():
        row = number - last
        return Block(block.images[row : row + 1], block.names[row : row + 1], [block.labels[row]])
    raise InputError(f"{source.title} has no image {which}; the first is 0")
