"""The card of an exported model: what it is, what it was measured to be, and what it is not for."""

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

from autoencoder import runs
from autoencoder.analysis.pca import LARGEST, LEADING, PrincipalComponents, pca_mse
from autoencoder.data import to_float
from autoencoder.data.sources import DataNotFoundError
from autoencoder.metrics import RECORDED
from autoencoder.runs.labels import NO_NOISE, noise_in_words
from autoencoder.trained.run import Run


class Exported(NamedTuple):
    """A file that was kept.

    Attributes:
        name: Of the file.
        what: What it computes: its inputs and its output.
        sha256: Of its content.
        difference: The largest to PyTorch, over all batches.
    """

    name: str
    what: str
    sha256: str
    difference: float


# Of data sets by their names; others are the reader's own.
_LICENCES = {
    "FashionMNIST": "MIT, by Zalando Research",
    "KMNIST": "CC BY-SA 4.0, by CODH",
    "MNIST": "CC BY-SA 3.0, by Y. LeCun and C. Cortes",
    "SyntheticGarments": "drawn by this project, MIT",
}
_USE = {
    "onnx": """```python
import numpy as np, onnxruntime

encoder = onnxruntime.InferenceSession("encoder.onnx")
images = np.random.rand({example}).astype(np.float32)  # any number, in [0, 1]
(latents,) = encoder.run(None, {{"images": images{labels}}})
```""",
    "torch": """```python
import torch

encoder = torch.export.load("encoder.pt2").module()
latents = encoder(torch.rand({example}){labels})  # any number, in [0, 1]
```""",
}


def card(run: Run, files: Sequence[Exported], format: str) -> str:
    """The card of a run's exported files, in Markdown."""
    data = run.config["data"]
    name = str(data.get("name") or data.get("_target_", "").rpartition(".")[2])
    noise = noise_in_words(run.config["noise"])
    environment = runs.read_environment(run.path)
    trainer = run.config.get("trainer") or {}
    labels = run.model.num_classes
    asked = {"onnx": ', "labels": np.array([0, 1, 2, 3])', "torch": ", torch.tensor([0, 1, 2, 3])"}
    example = ", ".join(map(str, (4, *run.image_shape)))
    kind = type(run.model).__name__
    what = f"codes of {run.model.latent_bits:,.0f} bits" if run.model.has_codes else "numbers"
    parts = [
        f"# {kind}, {run.model.latent_size:,} {what} for an image of {_shape(run.image_shape)}",
        f"Exported on {date.today().isoformat()} from the run `{run.path.resolve().name}`.",
        _USE[format].format(example=example, labels=asked[format] if labels else ""),
        "Images are float32 in [0, 1], `(N, C, H, W)`; latents `(N, "
        f"{', '.join(map(str, run.latent_shape))})`."
        + (f" Labels are int64, 0 to {labels - 1}: {', '.join(run.classes)}." if labels else ""),
        "## Files",
        "| file | computes | largest difference to PyTorch | SHA-256 |\n| --- | --- | --- | --- |\n"
        + "\n".join(
            f"| {file.name} | {file.what} | {file.difference:.1e} | `{file.sha256}` |"
            for file in files
        ),
        "## Data and protocol",
        f"{name}, {len(run.classes)} classes ({', '.join(run.classes)}). Trained for "
        f"{run.metrics.get('epochs', trainer.get('max_epochs', '?'))} epochs with seed "
        f"{run.config.get('seed')}, on {noise if noise != NO_NOISE else 'images without noise'}; "
        "the weights are those of the best validation loss, and the test images were looked at "
        "once, at the end. MSE is the mean over all pixels of the test images, PSNR is that of "
        "this MSE; the input is as the noise of the training leaves it."
        + (f" Trained with torch {environment['torch']}." if "torch" in environment else ""),
        "## Measured on the test images",
        _metrics(run),
        _floor(run),
        "## Limits",
        f"It knows images of {_shape(run.image_shape)} like those it was trained on, and makes "
        "blurred ones of all others. A reconstruction is no proof of what was in an image; a "
        "distance in the latent is no probability. "
        + (
            f"It was trained to remove {noise}, and other corruptions are not removed as well."
            if noise != NO_NOISE
            else "It was not trained to remove noise."
        ),
        "## Licence",
        f"The program that trained it is under the MIT licence. The data: "
        f"{_LICENCES.get(name, 'its own, which whoever shares this has to look up')}.",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _metrics(run: Run) -> str:
    known = [
        (metric.title or key, format(run.metrics[key], metric.format or ",g"), metric.meaning)
        for key, metric in RECORDED.items()
        if key in run.metrics and key.startswith("test/")
    ]
    if not known:
        return "Nothing: the run is not finished."
    rows = "\n".join(f"| {title} | {value} | {meaning} |" for title, value, meaning in known)
    return f"| | | |\n| --- | --- | --- |\n{rows}"


def _floor(run: Run) -> str:
    """What PCA of as many numbers has, if the data is there."""
    try:
        data = run.data
    except DataNotFoundError:
        return "The error of PCA is not given, as the data was not at hand."
    test = to_float(data.test.images).numpy()
    if run.model.latent_size >= test[0].size:
        return "It has no linear floor: its latent has as many numbers as an image, or more."
    if test[0].size > LARGEST and run.model.latent_size > LEADING:
        return "The error of PCA is not given: of such large images, it is not fitted that far."
    pca = PrincipalComponents.of_images(to_float(data.examined.images).numpy())
    mse = pca_mse(pca, test, [run.model.latent_size])[run.model.latent_size]
    return (
        f"The floor: PCA of {run.model.latent_size:,} components, fitted on the training images "
        f"and clipped to [0, 1], has an MSE of {mse:.5f} on clean test images, where this model "
        f"has {run.metrics.get('test/clean_mse', float('nan')):.5f}."
    )


def _shape(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))
