"""More images than memory: a folder of packed images, which the system reads as they are needed."""

from pathlib import Path

from autoencoder.data import packed
from autoencoder.data.module import ImageDataModule
from autoencoder.data.sources import ImageData


class MappedImages(ImageDataModule):
    """Packed images, mapped into memory.

    Args:
        root: Their folder, as `autoencoder.data.packed` describes it.
        **kwargs: As for `ImageDataModule`.

    Raises:
        ValueError: If an argument is not of its type.
        DataNotFoundError: If the images are not there.
        PackedError: If they are not whole, or don't fit together.
    """

    def __init__(self, root: str | Path, **kwargs: object) -> None:
        super().__init__(**kwargs)  # type: ignore[arg-type]  # checked where they are named
        if not isinstance(root, str | Path):
            raise ValueError(f"data.root must be a folder, got {root!r}")
        self.root = Path(root)

    def load(self) -> ImageData:
        """Maps the files."""
        return packed.read(self.root)
