"""Exports: a trained model as files for other programs, each tried before it is kept.

ONNX and `torch.export` files take any number of images at once. Inputs are float32: images in
[0, 1], latents as the encoder gives them, and int64 labels where the model sees them.
"""

import hashlib
import logging
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from autoencoder import AutoencoderError, runs
from autoencoder.runs.checkpoints import ImageFacts, save_weights
from autoencoder.runs.files import folder_replaced
from autoencoder.trained.arrays import InputError
from autoencoder.trained.card import Exported, card
from autoencoder.trained.options import Options
from autoencoder.trained.run import Run

log = logging.getLogger(__name__)

# Exporters have frozen the batch that they were shown, whatever was said of it.
BATCHES = (1, 2, 7)
# The largest difference to PyTorch, as a share of the largest number that it gives.
TOLERANCE = 1e-4
CARD = "README.md"
_SHOWN = 3  # none of the above
_OPSET = 18


class ExportError(AutoencoderError):
    """A model that can't be exported, or whose export computes something else."""


def export(options: Options, *, format: Literal["safetensors", "onnx", "torch"]) -> None:
    """Writes a model as files for other programs, beside a card that says what it is.

    `safetensors` are the weights alone, which `load` and the report read where the checkpoint is
    missing: `RUN/checkpoints/best.safetensors`, where no `out` is named. `onnx` and `torch`, which
    is `torch.export`'s format, are a folder of three programs: the encoder, the decoder, and both.

    Args:
        options: Run, place; the device is the CPU in any case.
        format: Which of them.
    """
    if format == "onnx":
        _check_onnx()
    run = replace(options, device="cpu").load()
    if options.out is None:
        where = runs.WEIGHTS if format == "safetensors" else Path("export", format)
        options = replace(options, out=str(run.path / where))
    if format == "safetensors":
        out = options.place(".safetensors")
        save_weights(run.model, out, ImageFacts(run.image_shape, run.classes))
        log.info("%.1f MB: %s", out.stat().st_size / 1e6, out)
        return
    out = options.place(folder="of files", mark=CARD)
    suffix, write = (".onnx", _write_onnx) if format == "onnx" else (".pt2", _write_torch)
    with folder_replaced(out) as folder:
        files = []
        for name in ("encoder", "decoder", "autoencoder"):
            log.info("exporting the %s", name)
            files.append(_written(run, name, folder / f"{name}{suffix}", write))
        (folder / CARD).write_text(card(run, files, format), encoding="utf-8")
    worst = max(file.difference for file in files)
    log.info("three files and their card, at most %.1e away from PyTorch: %s", worst, out)


class _Part(nn.Module):
    """One function of a model, as a module of its own."""

    def __init__(self, model: nn.Module, function: str) -> None:
        super().__init__()
        self.model = model
        self.function = function

    def forward(self, rows: Tensor) -> Tensor:
        made: Tensor = getattr(self.model, self.function)(rows)
        return made


class _LabelledPart(_Part):
    def forward(self, rows: Tensor, labels: Tensor) -> Tensor:  # type: ignore[override]  # one more
        made: Tensor = getattr(self.model, self.function)(rows, labels)
        return made


class _Program(NamedTuple):
    """A part of a model, ready to be exported, and what it takes."""

    module: nn.Module
    inputs: tuple[str, ...]
    output: str
    example: Callable[[int], tuple[Tensor, ...]]


Compute = Callable[[tuple[Tensor, ...]], NDArray[Any]]


def _program(run: Run, name: str) -> _Program:
    function = {"encoder": "encode", "decoder": "decode", "autoencoder": "forward"}[name]
    labelled = run.model.num_classes > 0
    module = (_LabelledPart if labelled else _Part)(run.model, function).eval()
    first = "latents" if name == "decoder" else "images"
    generator = torch.Generator().manual_seed(0)

    def example(count: int) -> tuple[Tensor, ...]:
        images = torch.rand(count, *run.image_shape, generator=generator)
        labels = torch.arange(count) % max(1, run.model.num_classes)
        rows = images if first == "images" else run.encode(images, labels)
        return (rows, labels) if labelled else (rows,)

    inputs = (first, "labels") if labelled else (first,)
    output = {"encoder": "latents", "decoder": "images", "autoencoder": "reconstructions"}[name]
    return _Program(module, inputs, output, example)


def _written(
    run: Run, name: str, path: Path, write: Callable[[_Program, Any, Path], Compute]
) -> Exported:
    """Writes one of the programs, and tries what was written.

    Raises:
        ExportError: If it can't be exported, or differs from PyTorch at one of the batches.
    """
    program = _program(run, name)
    batch = torch.export.Dim("batch", min=1)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the exporters' own insides
            shapes = tuple({0: batch} for _ in program.inputs)
            traced = torch.export.export(
                program.module, program.example(_SHOWN), dynamic_shapes=shapes
            )
            compute = write(program, traced, path)
        difference = max(_difference(program, compute, count) for count in BATCHES)
    except AutoencoderError:
        raise
    except Exception as error:  # exporters raise anything at all
        said = " ".join(str(error).split())[:300]
        raise ExportError(f"the {name} can't be exported: {said}") from error
    form = f"{', '.join(program.inputs)} -> {program.output}"
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return Exported(path.name, form, digest, difference)


def _difference(program: _Program, compute: Compute, count: int) -> float:
    given = program.example(count)
    with torch.no_grad():
        wanted = program.module(*given).numpy()
    found = compute(given)
    if found.shape != wanted.shape:
        raise ExportError(f"a batch of {count} gives {found.shape} instead of {wanted.shape}")
    difference = float(np.abs(found - wanted).max())
    if not difference <= TOLERANCE * float(np.abs(wanted).max()):
        raise ExportError(f"a batch of {count} is {difference:.1e} away from PyTorch")
    return difference


def _write_torch(program: _Program, traced: Any, path: Path) -> Compute:
    torch.export.save(traced, path)
    module = torch.export.load(path).module()
    return lambda given: module(*given).detach().numpy()


def _write_onnx(program: _Program, traced: Any, path: Path) -> Compute:
    import onnxruntime

    made = torch.onnx.export(
        traced,
        dynamo=True,
        external_data=False,
        verbose=False,
        opset_version=_OPSET,
        input_names=list(program.inputs),
        output_names=[program.output],
    )
    assert made is not None
    made.save(str(path))
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])

    def compute(given: tuple[Tensor, ...]) -> NDArray[Any]:
        named = dict(zip(program.inputs, (one.numpy() for one in given), strict=True))
        found: NDArray[Any] = session.run(None, named)[0]
        return found

    return compute


def _check_onnx() -> None:
    try:
        import onnxruntime  # noqa: F401
        import onnxscript  # noqa: F401  # torch needs it
    except ImportError as error:
        raise InputError(
            f"format=onnx takes {error.name}: pip install 'autoencoder-experiments[export]'"
        ) from error
