"""A classifier of images, which judges what an autoencoder generates.

It is trained on the real training images of a data set. Its features are what generated images
are compared with real ones by, and the names that it gives say whether a class that was asked for
is the class that came out.
"""

import dataclasses
import hashlib
import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim import AdamW
from torch.optim.lr_scheduler import OneCycleLR

from autoencoder.data import ImageDataModule, in_batches, to_float
from autoencoder.networks import ResidualEncoder

# To be raised when a change of the code changes what comes out of the same recipe.
_VERSION = 1
# Images that go through the network at once where nothing is learnt.
_EVALUATED = 1000


@dataclass(frozen=True)
class Recipe:
    """How a classifier is built and trained.

    Attributes:
        channels: As for `ResidualEncoder`.
        features: Numbers that an image is described by.
        epochs: Passes over the training images.
        least_steps: Steps that are made at the least, in further epochs, where images are few.
        batch_size: Images of a step.
        lr: The highest learning rate of the cycle.
        weight_decay: Of AdamW.
        label_smoothing: Share of the target that is spread over all classes.
        seed: Of the first weights and the order of the images.
    """

    channels: tuple[int, ...] = (32, 64, 128)
    features: int = 128
    epochs: int = 5
    least_steps: int = 100
    batch_size: int = 128
    lr: float = 0.01
    weight_decay: float = 0.05
    label_smoothing: float = 0.1
    seed: int = 0

    @property
    def key(self) -> str:
        """Names the recipe: another one, or other code, has another key."""
        values = json.dumps([_VERSION, dataclasses.asdict(self)], sort_keys=True)
        return hashlib.sha256(values.encode()).hexdigest()[:12]


class Classifier(nn.Module):
    """Strided convolutions, a layer of features, and a linear layer to the classes.

    Images are float in [0, 1], or uint8 as the data has them; results lie in the main memory.

    Args:
        image_shape: `(C, H, W)` of the images.
        n_classes: How many classes there are.
        recipe: How it is built.
    """

    def __init__(self, image_shape: tuple[int, int, int], n_classes: int, recipe: Recipe) -> None:
        super().__init__()
        self.encoder = ResidualEncoder(image_shape, recipe.channels, recipe.features)
        self.head = nn.Linear(recipe.features, n_classes)
        # Of the test images, as a tensor: it is saved with the weights.
        self.test_accuracy: Tensor
        self.register_buffer("test_accuracy", torch.tensor(math.nan))
        self.to(memory_format=torch.channels_last)

    @classmethod
    def trained(cls, data: ImageDataModule, recipe: Recipe, device: str = "cpu") -> Self:
        """A classifier trained on the training images, and tested on the test images.

        The result depends on the recipe and the data alone, up to the rounding of the hardware;
        torch's global generator is left as it was.

        Args:
            data: Loaded and split; its noise is not used.
            recipe: How it is built and trained.
            device: Where.

        Raises:
            ValueError: If there are training images of one class alone.
        """
        images, labels = data.examined.images, data.examined.labels
        if len(labels.unique()) < 2:
            raise ValueError("a classifier needs training images of two classes or more")
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(recipe.seed)
            classifier = cls(data.image_shape, len(data.classes), recipe).to(device)
            classifier._fit(images, labels, recipe)
        correct = classifier.predict(data.test.images) == data.test.labels
        classifier.test_accuracy.fill_(correct.double().mean())
        return classifier

    def forward(self, images: Tensor) -> Tensor:
        """Logits (B, n_classes) of float images (B, C, H, W)."""
        logits: Tensor = self.head(F.silu(self.encoder(images)))
        return logits

    def features(self, images: Tensor) -> Tensor:
        """Features (N, recipe.features) of images (N, C, H, W): what the last layer reads."""
        return self._evaluated(lambda batch: F.silu(self.encoder(batch)), images)

    def predict(self, images: Tensor) -> Tensor:
        """The most probable class (N,), int64, of images (N, C, H, W)."""
        return self._evaluated(lambda batch: self(batch).argmax(1), images)

    @property
    def fingerprint(self) -> str:
        """Names the weights: the same recipe comes to others on other hardware."""
        weights = b"".join(value.cpu().numpy().tobytes() for value in self.state_dict().values())
        return hashlib.sha256(weights).hexdigest()[:12]

    def _fit(self, images: Tensor, labels: Tensor, recipe: Recipe) -> None:
        batch_size = min(recipe.batch_size, len(images))
        epoch = len(images) // batch_size
        epochs = max(recipe.epochs, math.ceil(recipe.least_steps / epoch))
        optimizer = AdamW(self.parameters(), recipe.lr, weight_decay=recipe.weight_decay)
        schedule = OneCycleLR(optimizer, recipe.lr, total_steps=epochs * epoch)
        device = self.head.weight.device
        self.train()
        for _ in range(epochs):
            for rows in torch.randperm(len(images))[: epoch * batch_size].split(batch_size):
                logits = self(to_float(images[rows].to(device)))
                loss = F.cross_entropy(
                    logits, labels[rows].to(device), label_smoothing=recipe.label_smoothing
                )
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                schedule.step()
        self.eval()

    def _evaluated(self, network: Callable[[Tensor], Tensor], images: Tensor) -> Tensor:
        device = self.head.weight.device
        return in_batches(network, images, device=device, batch_size=_EVALUATED)
