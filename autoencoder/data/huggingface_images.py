"""Data sets that Hugging Face's `datasets` reads, from its hub or from a folder."""

from pathlib import Path
from typing import Any

from autoencoder.data.arrays import ArrayImages, Part, Read
from autoencoder.data.library import part_of, size_checked
from autoencoder.data.sources import DataNotFoundError


class HuggingFaceImages(ArrayImages):
    """A data set of the library `datasets` with a column of images.

    Labels are the first column that is a `ClassLabel`, if there is one. The test is the split
    `test`, else `validation`; where there is neither, it is held out of `train`.

    Args:
        name: That of a data set of the hub, or a folder that `load_dataset` reads or
            `save_to_disk` has written.
        image_size: Height and width to which the middle square of each image is resized; None: as
            they are.
        channels: 1 for grey, 3 for colours; None: as they are.
        **kwargs: As for `ArrayImages`.

    Raises:
        ValueError: If an argument is not of its type.
    """

    def __init__(
        self, name: str | None, image_size: int | None, channels: int | None, **kwargs: object
    ) -> None:
        super().__init__(None, **kwargs)  # type: ignore[arg-type]  # checked where they are named
        size_checked(image_size, channels)
        self.name, self.image_size, self.channels = name, image_size, channels

    def read(self) -> Read:
        """Reads the set.

        Raises:
            DataNotFoundError: If it isn't there, can't be read, or has no images.
        """
        if not self.name:
            raise DataNotFoundError("data.name is missing: a data set of the hub, or a folder")
        try:
            import datasets
        except ImportError as error:
            raise DataNotFoundError("data=huggingface: pip install datasets") from error
        folder = Path(self.name).expanduser()
        saved = (folder / "dataset_dict.json").is_file()
        try:
            found: Any = (
                datasets.load_from_disk(str(folder))
                if saved
                else datasets.load_dataset(str(folder) if folder.is_dir() else self.name)
            )
            train = found["train"]
        except Exception as error:  # a hub, a server and a damaged file fail in ways of their own
            reason = " ".join(str(error).split())[:300]
            raise DataNotFoundError(f"no data set {self.name} to be read ({reason})") from error
        kinds = train.features
        columns = [key for key, kind in kinds.items() if isinstance(kind, datasets.Image)]
        if not columns:
            raise DataNotFoundError(f"{self.name} has no column of images, but {', '.join(kinds)}")
        label = next(
            (key for key, kind in kinds.items() if isinstance(kind, datasets.ClassLabel)), None
        )
        test = next((found[key] for key in ("test", "validation") if key in found), None)
        parts = [self._part(part, columns[0], label) for part in (train, test) if part is not None]
        names = tuple(kinds[label].names) if label else None
        return Read(parts, f"{self.name}, read by Hugging Face's datasets", names)

    def _part(self, rows: Any, image: str, label: str | None) -> Part:
        pairs = ((row[image], row[label] if label else None) for row in rows)
        return part_of(pairs, len(rows), self.image_size, self.channels)
