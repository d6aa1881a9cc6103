"""Published data sets, each of four IDX files."""

from pathlib import Path

from autoencoder.data.idx import DebianPackage, IdxFiles
from autoencoder.data.module import ImageDataModule
from autoencoder.data.sources import ImageData, load_idx


class IdxImages(ImageDataModule):
    """Grey images of 28 x 28 from four files, which a subclass names.

    Args:
        root: Folder of the files; where they are kept if they are downloaded.
        download: Whether to download what is missing although `root` is not the default.
        **kwargs: As for `ImageDataModule`.

    Raises:
        ValueError: If an argument is not of its type.
        DataNotFoundError: If no source has the files.
    """

    files: IdxFiles

    # Runs of before have no `download` in their config.
    def __init__(self, root: str | Path, download: bool = False, **kwargs: object) -> None:
        super().__init__(**kwargs)  # type: ignore[arg-type]  # checked where they are named
        if not isinstance(root, str | Path):
            raise ValueError(f"data.root must be a folder, got {root!r}")
        if not isinstance(download, bool):
            raise ValueError(f"data.download must be true or false, got {download!r}")
        self.root, self.download = Path(root), download

    @property
    def classes(self) -> tuple[str, ...]:
        """The name of each label."""
        return self.files.classes

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """`(C, H, W)` of an image."""
        return 1, 28, 28

    def load(self) -> ImageData:
        """Reads the four files, downloading them where they are missing and it is allowed."""
        return load_idx(self.files, self.root, self.download)


class FashionMNIST(IdxImages):
    """Fashion-MNIST (Xiao et al., 2017): 60,000 + 10,000 garments in ten classes."""

    files = IdxFiles(
        title="Fashion-MNIST",
        name="FashionMNIST",
        sums=(
            "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
            "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
            "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
            "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
        ),
        classes=(
            *("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"),
            *("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
        ),
        package=DebianPackage("dataset-fashion-mnist", Path("/usr/share/datasets/fashion-mnist")),
    )


class MNIST(IdxImages):
    """MNIST (LeCun et al., 1998): 60,000 + 10,000 handwritten digits."""

    files = IdxFiles(
        title="MNIST",
        name="MNIST",
        sums=(
            "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
            "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
            "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
            "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
        ),
        classes=tuple("0123456789"),
    )


class KMNIST(IdxImages):
    """Kuzushiji-MNIST (Clanuwat et al., 2018): 60,000 + 10,000 cursive Japanese characters."""

    files = IdxFiles(
        title="KMNIST",
        name="KMNIST",
        # Only the compressed files have sums that independent projects agree on.
        sums=(
            "51467d22d8cc72929e2a028a0428f2086b092bb31cfb79c69cc0a90ce135fde4",
            "e38f9ebcd0f3ebcdec7fc8eabdcdaef93bb0df8ea12bee65224341c8183d8e17",
            "edd7a857845ad6bb1d0ba43fe7e794d164fe2dce499a1694695a792adfac43c5",
            "20bb9a0ef54c7db3efc55a92eef5582c109615df22683c380526788f98e42a1c",
        ),
        classes=("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"),
        sums_are_of_gz=True,
    )
