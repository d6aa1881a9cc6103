"""Four IDX files of a few pixels, and the data set that they are."""

import gzip
import hashlib
from pathlib import Path

import torch

from autoencoder.data.idx import FILES, DebianPackage, IdxFiles


def idx(array: torch.Tensor) -> bytes:
    sizes = b"".join(size.to_bytes(4, "big") for size in array.shape)
    return bytes([0, 0, 8, array.ndim]) + sizes + array.numpy().tobytes()


def tiny_files() -> dict[str, bytes]:
    """Six training and three test images of 4 x 5, with labels."""
    generator = torch.Generator().manual_seed(0)
    contents = {}
    for part, count in (("train", 6), ("t10k", 3)):
        images = torch.randint(256, (count, 4, 5), generator=generator, dtype=torch.uint8)
        contents[f"{part}-images-idx3-ubyte"] = idx(images)
        contents[f"{part}-labels-idx1-ubyte"] = idx(torch.arange(count, dtype=torch.uint8))
    return contents


CONTENTS = tiny_files()
GZIPPED = {name: gzip.compress(content, mtime=0) for name, content in CONTENTS.items()}


def tiny(folder: Path) -> IdxFiles:
    """The data set of the tiny files, whose Debian package would put them into `folder/system`."""
    return IdxFiles(
        title="Fashion-MNIST",
        name="FashionMNIST",
        sums=sums(CONTENTS),
        classes=("one", "two", "three"),
        package=DebianPackage("dataset-tiny", folder / "system"),
    )


def sums(files: dict[str, bytes]) -> tuple[str, ...]:
    return tuple(hashlib.sha256(files[name]).hexdigest() for name in FILES)


def write(folder: Path, *, zipped: bool) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name in FILES:
        if zipped:
            (folder / f"{name}.gz").write_bytes(GZIPPED[name])
        else:
            (folder / name).write_bytes(CONTENTS[name])


def everything_under(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


STORED = [f"FashionMNIST/raw/{name}.gz" for name in sorted(FILES)]
