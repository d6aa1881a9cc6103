import dataclasses
import gzip
from pathlib import Path

import pytest

from autoencoder.data.idx import FILES, LARGEST_FILE, IdxFiles, SourceError, parse
from tests.data.tiny_files import CONTENTS, GZIPPED, sums, write


@pytest.mark.parametrize("zipped", [True, False], ids=["gz", "plain"])
def test_folder_is_read(dataset: IdxFiles, root: Path, zipped: bool) -> None:
    write(root, zipped=zipped)
    assert dataset.read_folder(root) == [CONTENTS[name] for name in FILES]


def test_plain_content_under_a_gz_name_is_read(dataset: IdxFiles, root: Path) -> None:
    write(root, zipped=True)
    (root / f"{FILES[0]}.gz").write_bytes(CONTENTS[FILES[0]])
    assert dataset.read_file(root, FILES[0]) == CONTENTS[FILES[0]]


def test_intact_gz_is_read_beside_a_half_unpacked_file(dataset: IdxFiles, root: Path) -> None:
    write(root, zipped=True)
    (root / FILES[0]).write_bytes(CONTENTS[FILES[0]][:50])
    assert dataset.read_file(root, FILES[0]) == CONTENTS[FILES[0]]


def test_array_has_its_shape_and_values() -> None:
    images = parse(CONTENTS[FILES[0]])
    assert images.shape == (6, 4, 5)
    assert images.flatten().tolist() == list(CONTENTS[FILES[0]][16:])


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (GZIPPED[FILES[0]][:-20], "is cut short"),
        (GZIPPED[FILES[0]][:30] + b"\x00" + GZIPPED[FILES[0]][31:], "is "),
        (CONTENTS[FILES[1]], "is not Fashion-MNIST's: wrong SHA-256 of the content"),
        # An IDX header of 4 GB, and 80 MB of zeros in 80 kB: neither is parsed.
        (b"\x00\x00\x08\x01\xff\xff\xff\xff", "wrong SHA-256"),
        (gzip.compress(bytes(80_000_000)), "is cut short"),
    ],
)
def test_damaged_and_foreign_files_are_refused(dataset: IdxFiles, raw: bytes, said: str) -> None:
    with pytest.raises(SourceError, match=said):
        dataset.check(FILES[0], raw)


def test_huge_file_is_refused_unread(
    dataset: IdxFiles, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(root, zipped=True)
    with (root / FILES[2]).open("wb") as file:
        file.truncate(LARGEST_FILE + 1)
    read = Path.read_bytes

    def read_small(path: Path) -> bytes:
        assert path.stat().st_size <= LARGEST_FILE
        return read(path)

    monkeypatch.setattr(Path, "read_bytes", read_small)
    assert dataset.read_file(root, FILES[2]) == CONTENTS[FILES[2]]
    (root / f"{FILES[2]}.gz").unlink()
    with pytest.raises(SourceError, match="larger than 67,108,864 bytes"):
        dataset.read_folder(root)


def test_sums_may_be_those_of_the_compressed_files(dataset: IdxFiles, root: Path) -> None:
    dataset = dataclasses.replace(dataset, sums=sums(GZIPPED), sums_are_of_gz=True)
    write(root, zipped=False)
    with pytest.raises(SourceError, match=r"wrong SHA-256 of the \.gz"):
        dataset.read_folder(root)
    (root / FILES[0]).unlink()
    write(root, zipped=True)
    assert dataset.read_folder(root) == [CONTENTS[name] for name in FILES]
