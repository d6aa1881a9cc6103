"""The settings of a report."""

import dataclasses
from dataclasses import dataclass, field
from typing import Any, Self

import torch
from hydra.errors import InstantiationException
from hydra.utils import get_class, instantiate
from omegaconf import DictConfig, OmegaConf

from autoencoder import AutoencoderError
from autoencoder.analysis.priors import Prior
from autoencoder.commandline import explain
from autoencoder.experiment.checks import check_arguments
from autoencoder.experiment.threads import Threads


class SettingsError(AutoencoderError):
    """A setting that can't be used; the text says what can."""


@dataclass(frozen=True)
class Settings:
    """How runs are evaluated; the values are those of `conf/evaluate.yaml`.

    Attributes:
        data_root: The folder of the data's files, where it is not the one that was trained with.
        device: Of the networks: `cpu`, `cuda`, or `auto`, a GPU where there is one.
        batch_size: Images that go through a network at once.
        threads: Of the CPU, or `auto`, as many as cores are free.
        seed: Of the noise, of choices of images, and of t-SNE.
        noise_stds: Standard deviations of the noise that robustness is measured at.
        max_points: Test images in the maps at the most.
        knn_points: Test images that k-NN classifies.
        samples_per_class: Images that a network generates, for each class of the data.
        images: Whether the page carries `few` or `many` of the images that a reader can explore.
        prior: Priors that are fitted on the latents of each run, by name, each as a file in
            `conf/prior` describes it; the first is that of the columns.
        trust: Packages beside this one whose classes and functions a run's config may call.

    Raises:
        SettingsError: If a number is out of its range.
    """

    data_root: str | None
    device: str
    batch_size: int
    threads: Threads
    seed: int
    noise_stds: tuple[float, ...]
    max_points: int
    knn_points: int
    samples_per_class: int
    prior: dict[str, Any] = field(default_factory=dict)
    trust: tuple[str, ...] = ()
    images: str = "few"

    def __post_init__(self) -> None:
        least_of = {
            "batch_size": 1, "seed": 0, "max_points": 4, "knn_points": 1, "samples_per_class": 1,
        }  # fmt: skip
        for name, least in least_of.items():
            value = getattr(self, name)
            if not isinstance(value, int) or value < least:
                raise SettingsError(f"{name} must be a whole number >= {least}, got {value!r}")
        if self.threads != "auto" and (not isinstance(self.threads, int) or self.threads < 1):
            raise SettingsError(f"threads must be auto or a whole number >= 1, got {self.threads}")
        if self.images not in ("few", "many"):
            raise SettingsError(f"images must be few or many, got {self.images!r}")
        numbers = all(isinstance(std, int | float) and std >= 0 for std in self.noise_stds)
        if not numbers or len(self.noise_stds) == 0:
            raise SettingsError(f"noise_stds must be numbers >= 0, got {list(self.noise_stds)}")

    @property
    def torch_device(self) -> str:
        """The device as torch names it."""
        automatic = "cuda" if torch.cuda.is_available() else "cpu"
        return automatic if self.device == "auto" else self.device

    def priors(self) -> dict[str, Prior]:
        """The priors, not fitted yet.

        Raises:
            SettingsError: If one can't be built as it is described.
        """
        found = {}
        for name, description in self.prior.items():
            given = {key: value for key, value in description.items() if key != "_target_"}
            try:
                check_arguments(f"prior.{name}", given, get_class(description["_target_"]))
                found[name] = instantiate(description, _convert_="all")
            except (KeyError, ImportError, ValueError, InstantiationException) as error:
                raise SettingsError(f"prior.{name}: {explain(error) or error}") from error
            if not isinstance(found[name], Prior):
                raise SettingsError(f"prior.{name}: {description['_target_']} is no Prior")
        return found

    @classmethod
    def from_config(cls, cfg: DictConfig) -> Self:
        """The settings in a config such as `conf/evaluate.yaml`."""
        values: Any = OmegaConf.to_container(cfg, resolve=True)
        kept = {field.name: values[field.name] for field in dataclasses.fields(cls)}
        trust = [kept["trust"]] if isinstance(kept["trust"], str) else kept["trust"] or []
        check_arguments("", kept, cls)
        settings = cls(**kept | {"noise_stds": tuple(kept["noise_stds"]), "trust": tuple(trust)})
        settings.priors()  # a mistake in one of them is found before anything is measured
        return settings
