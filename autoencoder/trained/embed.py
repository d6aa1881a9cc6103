"""Embeddings: the latents of any number of images, as other programs read them."""

import logging
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import IO, Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray

from autoencoder.runs.files import folder_replaced, written_aside
from autoencoder.runs.rows import csv_text
from autoencoder.trained.arrays import InputError
from autoencoder.trained.images import Block, Images, open_images
from autoencoder.trained.options import STDOUT, Options, part_folder, standard_output
from autoencoder.trained.pixels import as_uint8, png
from autoencoder.trained.progress import Made, Parts, worked_through
from autoencoder.trained.run import Run

log = logging.getLogger(__name__)

# TensorBoard's projector draws them in a browser, from one picture of 8192 pixels a side.
_LARGEST_PROJECTION, _LARGEST_SPRITE = 20_000, 8192


def embed(
    options: Options,
    *,
    images: str | int | None,
    split: Literal["train", "val", "test"],
    label: str | int | None,
    thumbnails: bool,
    skip_broken: bool,
) -> None:
    """Writes the latents of images.

    `.parquet` has a row an image: `path` or `index`, `label` where it is known, `embedding`, and
    `thumbnail` if asked for, as embedding-atlas takes them. `.npy` is `(N, latent_size)`, float32,
    beside a `.csv` of paths and labels. `.csv`, and `-`, which is the same on standard output, hold
    all in columns. A folder is for TensorBoard's projector.

    Args:
        options: Run, place, device.
        images: As for `open_images`.
        split: As for `open_images`.
        label: The class of all images, for a model that sees labels; None: that of their folders.
        thumbnails: Whether the images travel along in `.parquet`.
        skip_broken: As for `open_images`.
    """
    out = options.place(
        *(".parquet", ".npy", ".csv"),
        folder="for TensorBoard's projector",
        mark="projector_config.pbtxt",
        stdout="CSV",
    )
    run = options.load()
    source = open_images(run, images, split, skip_broken=skip_broken)
    projector = not out.suffix and str(out) != STDOUT
    kept = thumbnails or projector
    if out.suffix == ".parquet":
        _pyarrow()
    if projector and (source.count is None or source.count > _LARGEST_PROJECTION):
        raise InputError(
            f"out={out}: TensorBoard's projector is for {_LARGEST_PROJECTION:,} images at the "
            "most; a .parquet file takes any number"
        )

    def make(block: Block) -> Made:
        latents = run.encode(block.images, labels_of(run, block, label)).reshape(
            len(block.images), -1
        )
        return {"latents": latents} | ({"images": as_uint8(block.images)} if kept else {})

    if str(out) == STDOUT:
        _stream_csv(source, make)
        return
    asked = [label, kept]
    with worked_through(run, source, make, part_folder(out), ["embed", *asked]) as parts:
        if not parts.count:
            raise InputError(f"{source.title}: no image to embed")
        if projector:
            _write_projector(out, parts, run)
        elif out.suffix == ".parquet":
            with written_aside(out) as aside:
                _write_parquet(aside, parts, source)
        elif out.suffix == ".npy":
            write_npy(out, parts.count, (part["latents"] for part in parts))
            names = out.with_suffix(".csv")
            with written_aside(names) as aside, aside.open("w", encoding="utf-8") as file:
                _write_csv(file, parts, source, latents=False)
        else:
            with written_aside(out) as aside, aside.open("w", encoding="utf-8") as file:
                _write_csv(file, parts, source, latents=True)
        log.info("%s images: %s", f"{parts.count:,}", out)


def labels_of(run: Run, block: Block, label: str | int | None) -> Any:
    """The labels of a block, for a model that sees them: those typed, or those known."""
    if not run.model.num_classes:
        return None
    known = set(block.labels) <= set(run.classes)
    return label if label is not None else block.labels if known else None


def write_npy(out: Path, count: int, blocks: Iterable[NDArray[np.float32]]) -> None:
    """Writes rows as one `.npy`, a block at a time.

    Args:
        out: The file.
        count: Rows in all blocks.
        blocks: `(n, ...)` each, one at the least.
    """
    left = iter(blocks)
    first = next(left)
    header = {"descr": "<f4", "fortran_order": False, "shape": (count, *first.shape[1:])}
    with written_aside(out) as aside, aside.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
        for block in chain([first], left):
            file.write(block.astype("<f4", copy=False).tobytes())


def _stream_csv(source: Images, make: Any) -> None:
    first = True
    for block in source.blocks():
        if block.names:
            arrays = {"names": np.array(block.names), "labels": np.array(block.labels)}
            lines = list(_lines(make(block) | arrays, source, latents=True))
            standard_output().write(csv_text(lines, header=first))
            standard_output().flush()
            first = False


def _write_csv(file: IO[str], parts: Parts, source: Images, *, latents: bool) -> None:
    for number, part in enumerate(parts):
        file.write(csv_text(list(_lines(part, source, latents=latents)), header=number == 0))


def _lines(part: Made, source: Images, *, latents: bool) -> Iterator[dict[str, Any]]:
    column = "path" if source.paths else "index"
    for row, name in enumerate(part["names"].tolist()):
        line = {column: name, "label": str(part["labels"][row])}
        if latents:
            line |= {f"z{n}": value for n, value in enumerate(part["latents"][row])}
        yield line


def _write_parquet(path: Path, parts: Parts, source: Images) -> None:
    arrow, parquet = _pyarrow()
    writer = None
    for part in parts:
        names = part["names"].tolist()
        latents = part["latents"].astype(np.float32, copy=False)
        column = arrow.array(names) if source.paths else arrow.array(map(int, names))
        embedding = arrow.FixedSizeListArray.from_arrays(latents.ravel(), latents.shape[1])
        columns = {"path" if source.paths else "index": column}
        columns |= {"label": arrow.array([label or None for label in part["labels"].tolist()])}
        columns |= {"embedding": embedding}
        if "images" in part:
            # As the Hugging Face Hub keeps images, which embedding-atlas shows.
            columns["thumbnail"] = arrow.array(
                [{"bytes": png(image)} for image in part["images"]],
                arrow.struct({"bytes": arrow.binary()}),
            )
        columns["label"] = columns["label"].cast(arrow.string())
        table = arrow.table(columns)
        writer = writer or parquet.ParquetWriter(path, table.schema)
        writer.write_table(table)
    if writer is not None:
        writer.close()


def _write_projector(out: Path, parts: Parts, run: Run) -> None:
    from torch.utils.tensorboard import SummaryWriter

    images = parts.array("images").reshape(-1, *run.image_shape)
    labels = [
        label or name
        for name, label in zip(parts.array("names"), parts.array("labels"), strict=True)
    ]
    fits = len(images) <= (_LARGEST_SPRITE // max(run.image_shape[1:])) ** 2
    thumbnails = torch.from_numpy(images).float() / 255 if fits else None
    with folder_replaced(out) as folder:
        writer = SummaryWriter(str(folder))
        writer.add_embedding(parts.array("latents"), labels, thumbnails, tag="latent")
        writer.close()


def _pyarrow() -> tuple[Any, Any]:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise InputError(
            "a .parquet file takes pyarrow: pip install 'autoencoder-experiments[export]', or "
            "pip install pyarrow"
        ) from error
    return pyarrow, pyarrow.parquet
