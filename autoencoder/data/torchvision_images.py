"""Data sets that torchvision reads, and downloads where that is wanted."""

from pathlib import Path
from typing import Any

from autoencoder.data.arrays import ArrayImages, Read
from autoencoder.data.library import part_of, size_checked
from autoencoder.data.sources import DataNotFoundError

_BY_FLAG = ({"train": True}, {"train": False})
_BY_NAME = ({"split": "train"}, {"split": "test"})
# The arguments of the training images and those of the test; of all images, where they aren't
# split. Those are left out whose images have no label, several, or a video's length.
SETS: dict[str, tuple[dict[str, Any], ...]] = {
    **dict.fromkeys(
        ("CIFAR10", "CIFAR100", "FashionMNIST", "KMNIST", "MNIST", "QMNIST", "USPS"), _BY_FLAG
    ),
    "EMNIST": tuple(flag | {"split": "balanced"} for flag in _BY_FLAG),
    **dict.fromkeys(
        (
            *("Country211", "DTD", "FGVCAircraft", "Flowers102", "Food101", "GTSRB"),
            *("PCAM", "RenderedSST2", "STL10", "SVHN"),
        ),
        _BY_NAME,
    ),
    "Imagenette": ({"split": "train"}, {"split": "val"}),
    "OxfordIIITPet": ({"split": "trainval"}, {"split": "test"}),
    **dict.fromkeys(("Caltech101", "Caltech256", "EuroSAT", "SEMEION"), ({},)),
}


class TorchvisionImages(ArrayImages):
    """A data set of `torchvision.datasets` whose images have a label each.

    Args:
        name: Its class there, such as CIFAR10.
        root: Folder of the files, in torchvision's layout.
        download: Whether to download them into it.
        image_size: Height and width to which the middle square of each image is resized; None: as
            they are.
        channels: 1 for grey, 3 for colours; None: as they are.
        **kwargs: As for `ArrayImages`.

    Raises:
        ValueError: If an argument is not of its type, or there is no such set.
    """

    def __init__(
        self,
        name: str | None,
        root: str | Path,
        download: bool,
        image_size: int | None,
        channels: int | None,
        **kwargs: object,
    ) -> None:
        super().__init__(root, **kwargs)  # type: ignore[arg-type]  # checked where they are named
        if name is not None and name not in SETS:
            raise ValueError(f"data.name={name} is none of {', '.join(sorted(SETS))}")
        size_checked(image_size, channels)
        self.name, self.download = name, download
        self.image_size, self.channels = image_size, channels

    def read(self) -> Read:
        """Reads the set.

        Raises:
            DataNotFoundError: If it isn't there, is damaged, or can't be downloaded.
        """
        if self.name is None:
            raise DataNotFoundError(f"data.name is missing: one of {', '.join(sorted(SETS))}")
        # Here, because importing torchvision takes seconds.
        import torchvision.datasets

        root = Path(str(self.root)).expanduser()
        kind = getattr(torchvision.datasets, self.name)
        try:
            found = [kind(root, download=self.download, **part) for part in SETS[self.name]]
        except Exception as error:  # a set, a server and a damaged file fail in ways of their own
            reason = " ".join(str(error).split())[:300]
            helps = "" if self.download else "; data.download=true downloads it"
            raise DataNotFoundError(f"no {self.name} in {root} ({reason}){helps}") from error
        names = getattr(found[0], "classes", getattr(found[0], "categories", None))
        parts = [part_of(part, len(part), self.image_size, self.channels) for part in found]
        n_classes = 1 + max(int(part.labels.max()) for part in parts if part.labels is not None)
        names = tuple(map(str, names or range(n_classes)))
        return Read(parts, f"{self.name} of torchvision in {root}", names)
