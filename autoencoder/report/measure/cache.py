"""The cache of a report: what was measured, as long as nothing it was measured on changes."""

import dataclasses
import hashlib
import json
import re
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from omegaconf import OmegaConf

from autoencoder import runs
from autoencoder.analysis.gallery import Gallery
from autoencoder.report.measure.evaluation import Examples, Floors, Measurement
from autoencoder.report.measure.judge import RECIPE
from autoencoder.report.measure.settings import Settings
from autoencoder.runs.files import clear_asides, write_if_possible, write_text, written_aside

FOLDER = "cache"
# A checkpoint, then what else a measurement depends on.
_OWN = re.compile(r"([0-9a-f]{12})-[0-9a-f]{12}(\.latents)?\.np[yz]")
# To be raised when a change of the code changes what is measured.
VERSION = 9


def key(run: Path, settings: Settings) -> str:
    """Names what a measurement depends on: the checkpoint's content, the config, the settings."""
    checkpoint = hashlib.sha256(runs.checkpoint(run).read_bytes()).hexdigest()
    config = OmegaConf.to_container(runs.read_config(run))
    assert isinstance(config, dict)
    described = {name: config[name] for name in ("data", "noise", "model")}
    return f"{checkpoint[:12]}-{_digest([VERSION, described, _numbers(settings), RECIPE.key])}"


def load(run: Path, key: str) -> Measurement | None:
    """The measurement of a run; None if it is not there or damaged."""
    path = run / FOLDER / f"{key}.npz"
    try:
        with np.load(path) as arrays:  # a zip file, whose checksums are looked at
            values = _joined({name: arrays[name] for name in arrays.files})
        # A memory map: latents of many runs need not fit into memory together.
        latents = path.with_suffix(".latents.npy")
        if values.pop("latents_crc32") != _crc32_of_file(latents):
            return None
        return Measurement(**values, latents=np.load(latents, mmap_mode="r"))
    # A damaged file fails in ways of its own, depending on the byte.
    except Exception:
        return None


def save(run: Path, key: str, measurement: Measurement) -> Measurement:
    """Saves a measurement, takes the place of those of other checkpoints, and loads it.

    Where the run can't be written to, the measurement is as it was given.
    """

    def write() -> None:
        folder = run / FOLDER
        clear_asides(folder, "*.npz", "*.npy")
        for old in folder.glob("*.np[yz]"):
            named = _OWN.fullmatch(old.name)
            if named and not key.startswith(named[1]):
                old.unlink()
        path = folder / f"{key}.npz"
        with written_aside(path.with_suffix(".latents.npy")) as aside:
            np.save(aside, measurement.latents)
            facts = {"latents_crc32": _crc32_of_file(aside)}
        with written_aside(path) as aside:
            np.savez_compressed(aside, **_split(measurement, facts))

    write_if_possible(run / FOLDER, write)
    return load(run, key) or measurement


def load_floors(folder: Path, key: str) -> Floors | None:
    """The floors of a data set; None if they are not there or damaged."""
    path = folder / FOLDER / f"floors-{key}.json"
    try:
        values = json.loads(path.read_text())
        if values.pop("crc32") != _crc32(values):
            return None
        mse, generation = values.pop("pca_mse"), values.pop("generation")
        return Floors(
            pca_mse={int(n): value for n, value in mse.items()},
            generation=generation,
            **{
                name: {float(std): psnr for std, psnr in of_noise.items()}
                for name, of_noise in values.items()
            },
        )
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None


def save_floors(folder: Path, key: str, floors: Floors) -> None:
    """Saves the floors of a data set."""
    # As JSON has them: keys are texts.
    values = json.loads(json.dumps(dataclasses.asdict(floors)))
    text = json.dumps({**values, "crc32": _crc32(values)}, indent=2) + "\n"
    path = folder / FOLDER / f"floors-{key}.json"
    write_if_possible(folder / FOLDER, lambda: write_text(path, text))


def floors_key(data_key: str, latent_sizes: list[int], settings: Settings) -> str:
    """Names what floors depend on."""
    values = _numbers(settings)
    described = {name: values[name] for name in ("seed", "noise_stds", "samples_per_class")}
    return f"{data_key}-{_digest([VERSION, latent_sizes, described, RECIPE.key])}"


def _numbers(settings: Settings) -> dict[str, Any]:
    values = dataclasses.asdict(settings)
    without = "data_root", "device", "batch_size", "threads", "trust", "images"
    return {name: value for name, value in values.items() if name not in without}


def _crc32(values: Any) -> int:
    return zlib.crc32(json.dumps(values, sort_keys=True).encode())


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:12]


def _crc32_of_file(path: Path) -> int:
    return zlib.crc32(np.memmap(path, np.uint8, "r").data)


def _split(measurement: Measurement, facts: dict[str, Any]) -> dict[str, Any]:
    """Arrays by name, and all else, with more facts, as one JSON text."""
    arrays: dict[str, Any] = {}
    for field in dataclasses.fields(measurement):
        value = getattr(measurement, field.name)
        if isinstance(value, Examples):
            arrays |= {f"{field.name}.{name}": part for name, part in value._asdict().items()}
        elif isinstance(value, Gallery):
            parts = vars(value)
            facts[field.name] = {k: v for k, v in parts.items() if isinstance(v, dict)}
            arrays |= {f"{field.name}.{k}": v for k, v in parts.items() if not isinstance(v, dict)}
        elif not isinstance(value, np.ndarray):
            facts[field.name] = value
        elif field.name != "latents":
            arrays[field.name] = value
    return {**arrays, "facts": np.array(json.dumps(facts))}


def _joined(arrays: dict[str, Any]) -> dict[str, Any]:
    values: dict[str, Any] = json.loads(str(arrays.pop("facts")))
    for name in ("classes", "image_shape", "latent_shape"):
        values[name] = tuple(values[name])
    values["robustness"] = {float(std): psnr for std, psnr in values["robustness"].items()}
    for name in ("shown", "best", "median", "worst"):
        values[name] = Examples(*(arrays.pop(f"{name}.{part}") for part in Examples._fields))
    prefix = "generated."
    pictures = {name: arrays.pop(name) for name in list(arrays) if name.startswith(prefix)}
    named = {name.removeprefix(prefix): array for name, array in pictures.items()}
    values["generated"] = Gallery(**named, **values["generated"])
    return values | arrays
