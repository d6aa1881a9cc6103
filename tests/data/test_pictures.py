import pickle
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from autoencoder.data.pictures import (
    ImageFileError,
    decode,
    find_images,
    is_animated,
    read_image,
)
from autoencoder.data.sources import DataNotFoundError
from tests.data.picture_files import BROKEN, GREY, RGB, SEVERAL_FRAMES, SIZE, WHOLE, Case, saved


def said_by(case: Case) -> str:
    return case.what


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.filterwarnings("ignore:Truncated File Read")
class TestCases:
    @pytest.mark.parametrize("case", [*WHOLE, *SEVERAL_FRAMES], ids=said_by)
    def test_is_read(self, tmp_path: Path, case: Case) -> None:
        path = tmp_path / case.name
        path.write_bytes(case.content)
        assert find_images(tmp_path) == [path]
        read = read_image(path, SIZE, 3)
        assert read.dtype == np.uint8
        assert read.shape == (3, SIZE, SIZE)
        difference = np.abs(read.transpose(1, 2, 0).astype(int) - case.pixels)
        assert difference.max() <= case.tolerance
        assert is_animated(case.content) == (case in SEVERAL_FRAMES)

    @pytest.mark.parametrize("case", [*WHOLE, *SEVERAL_FRAMES], ids=said_by)
    def test_grey_is_that_of_the_colours(self, tmp_path: Path, case: Case) -> None:
        path = tmp_path / case.name
        path.write_bytes(case.content)
        grey = read_image(path, SIZE, 1)
        assert grey.shape == (1, SIZE, SIZE)
        expected = np.asarray(Image.fromarray(case.pixels.astype(np.uint8)).convert("L"))
        assert np.abs(grey[0].astype(int) - expected).max() <= case.tolerance

    @pytest.mark.parametrize("case", BROKEN, ids=said_by)
    def test_is_refused(self, tmp_path: Path, case: Case) -> None:
        path = tmp_path / case.name
        path.write_bytes(case.content)
        with pytest.raises(ImageFileError) as caught:
            read_image(path, SIZE, 3)
        assert case.said in caught.value.reason
        assert str(caught.value) == f"{path} {caught.value.reason}"
        assert "\n" not in str(caught.value)


def test_a_link_to_nothing_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.png").symlink_to(tmp_path / "gone.png")
    with pytest.raises(ImageFileError, match=r"a\.png cannot be read \(No such file"):
        read_image(tmp_path / "a.png", SIZE, 1)


def test_an_error_comes_back_from_another_process() -> None:
    error = pickle.loads(pickle.dumps(ImageFileError(Path("a.png"), "is empty")))
    assert (error.path, error.reason) == (Path("a.png"), "is empty")


def test_the_middle_is_kept_and_made_smaller(tmp_path: Path) -> None:
    wide = np.zeros((40, 80, 3), np.uint8)
    wide[:, 20:60] = np.kron(RGB[:10, :10], np.ones((4, 4, 1), np.uint8))
    (tmp_path / "a.png").write_bytes(saved(wide, "PNG"))
    read = read_image(tmp_path / "a.png", 10, 3).transpose(1, 2, 0).astype(int)
    assert np.abs(read - RGB[:10, :10])[1:-1, 1:-1].max() < 12


def test_small_images_are_made_larger(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(saved(GREY, "PNG"))
    large = read_image(tmp_path / "a.png", 4 * SIZE, 1)[0]
    assert large.shape == (4 * SIZE, 4 * SIZE)
    assert np.abs(large[2::4, 2::4].astype(int) - GREY).max() < 10


class TestFind:
    def test_is_sorted_and_leaves_out_what_is_hidden(self, tmp_path: Path) -> None:
        names = ["b/2.png", "b/10.png", "a.JPG", "c/d/e.webp", ".hidden/x.png", "b/._2.png"]
        for name in [*names, "notes.txt", "__MACOSX/a.png"]:
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).touch()
        found = [str(path.relative_to(tmp_path)) for path in find_images(tmp_path)]
        assert found == ["a.JPG", "b/10.png", "b/2.png", "c/d/e.webp"]

    def test_links_are_followed_once(self, tmp_path: Path) -> None:
        (tmp_path / "elsewhere").mkdir()
        (tmp_path / "elsewhere/1.png").touch()
        (tmp_path / "photos").mkdir()
        (tmp_path / "photos/linked").symlink_to(tmp_path / "elsewhere")
        (tmp_path / "elsewhere/up").symlink_to(tmp_path / "photos")
        assert find_images(tmp_path / "photos") == [tmp_path / "photos/linked/1.png"]

    def test_says_what_was_there_instead(self, tmp_path: Path) -> None:
        for name in ("1.heic", "2.HEIC", "notes"):
            (tmp_path / name).touch()
        with pytest.raises(DataNotFoundError, match=r"no image \(2 of \.heic, 1 of no suffix\)"):
            find_images(tmp_path)

    def test_no_folder(self, tmp_path: Path) -> None:
        with pytest.raises(DataNotFoundError, match="gone is no folder"):
            find_images(tmp_path / "gone")


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.filterwarnings("ignore:Truncated File Read")
def test_the_page_says_what_was_tried_and_what_was_said() -> None:
    lines = ["| file | what becomes of it |", "| --- | --- |"]
    for case in (*WHOLE, *SEVERAL_FRAMES, *BROKEN):
        try:
            decode(Path(case.name), case.content or b"\0", SIZE, 3)
        except ImageFileError as error:
            said = "is empty" if not case.content else error.reason
        else:
            said = "has several frames or pages" if is_animated(case.content) else "read"
        lines.append(f"| {case.what} | {said} |")
    page = (Path(__file__).parents[2] / "docs/own-images.md").read_text()
    table = page.partition("<!-- table -->\n")[2].partition("<!-- /table -->")[0]
    assert len(lines) > 32
    assert table.splitlines() == lines, "\n".join(lines)
