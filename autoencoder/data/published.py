"""Published data sets, as LightningDataModules."""

from pathlib import Path

from autoencoder.data.module import ImageDataModule
from autoencoder.data.sources import ImageData, load_fashion_mnist, load_kmnist, load_mnist


class FashionMNIST(ImageDataModule):
    """Fashion-MNIST (Xiao et al., 2017): 60,000 + 10,000 garments of 28 x 28 in ten classes.

    Args:
        root: Folder of the files; where they are stored if they have to be fetched.
        **kwargs: As for `ImageDataModule`.

    Raises:
        DataNotFoundError: If no source has the files.
    """

    def __init__(self, root: str | Path, **kwargs: object) -> None:
        super().__init__(**kwargs)  # type: ignore[arg-type]  # checked where they are named
        self.root = Path(root)

    def load(self) -> ImageData:
        """Reads the four files, fetching them where they are missing."""
        return load_fashion_mnist(self.root)


class MNIST(FashionMNIST):
    """MNIST (LeCun et al., 1998): 60,000 + 10,000 handwritten digits of 28 x 28."""

    def load(self) -> ImageData:
        """Reads the four files, fetching them where they are missing."""
        return load_mnist(self.root)


class KMNIST(FashionMNIST):
    """Kuzushiji-MNIST (Clanuwat et al., 2018): 60,000 + 10,000 cursive characters of 28 x 28."""

    def load(self) -> ImageData:
        """Reads the four files, fetching them where they are missing."""
        return load_kmnist(self.root)
