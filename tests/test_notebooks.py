"""The notebooks of `docs/`: they run, and say what is kept in them.

After a change: `jupyter execute --inplace docs/notebooks/*.ipynb`, and look at the figures.
"""

import os
import re
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest

from docs.hooks import NOTEBOOKS, notebook

nbformat: Any = pytest.importorskip("nbformat", reason="nbformat is not installed")
nbclient: Any = pytest.importorskip("nbclient", reason="nbclient is not installed")
pytest.importorskip("ipykernel", reason="ipykernel is not installed")
IDS = [path.stem for path in NOTEBOOKS]
# Of the kernel that runs one, and no more.
KEPT = {"kernelspec", "language_info"}


def texts(cell: Any) -> str:
    """What the code of a cell has printed, and its last value, as text."""
    found = (out.get("text", out.get("data", {}).get("text/plain", "")) for out in cell.outputs)
    return "".join(text for text in found if not text.startswith("<Figure"))


def kinds(cell: Any) -> list[str]:
    """The kinds of its outputs: what is printed slowly comes in several pieces."""
    return [kind for kind, _ in groupby(out.output_type for out in cell.outputs)]


def code(document: Any) -> Iterator[Any]:
    yield from (cell for cell in document.cells if cell.cell_type == "code")


NUMBER = re.compile(r"-?\d+(?:\.\d+)?")


@pytest.mark.real
@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=IDS)
def test_it_says_again_what_is_kept_in_it(path: Path, tmp_path: Path) -> None:
    folder = os.environ.get("AUTOENCODER_DATA")
    if not folder or not Path(folder).is_dir():
        pytest.skip("AUTOENCODER_DATA names no folder with the Fashion-MNIST files")
    kept, run = (nbformat.read(path, as_version=4) for _ in range(2))
    # Elsewhere than in the repository, as after an installation.
    resources = {"metadata": {"path": str(tmp_path)}}
    nbclient.NotebookClient(run, timeout=300, kernel_name="python3", resources=resources).execute()
    compared = 0
    for old, new in zip(code(kept), code(run), strict=True):
        said, says = texts(old), texts(new)
        assert NUMBER.sub("", said).split() == NUMBER.sub("", says).split()
        numbers = [float(number) for number in NUMBER.findall(said)]
        # Other machines add in another order, and the linear network starts from their noise.
        again = [float(number) for number in NUMBER.findall(says)]
        assert again == pytest.approx(
            numbers, rel=0.02, abs=0.1 if "z.shape" in old.source else 1e-4
        )
        assert kinds(new) == kinds(old)
        compared += len(numbers)
    assert compared > 50


@pytest.mark.parametrize("path", NOTEBOOKS, ids=IDS)
def test_what_is_kept_is_of_one_run_from_the_top(path: Path) -> None:
    document = nbformat.read(path, as_version=4)
    nbformat.validate(document)
    cells = list(code(document))
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    for cell in cells:
        assert len(cell.source.splitlines()) <= 25
        assert not [out for out in cell.outputs if out.get("name") == "stderr"]
        assert not re.search(r"/(home|root|tmp|Users)/", texts(cell))
        assert cell.metadata.keys() <= {"execution"}
    assert document.metadata.keys() <= KEPT
    assert sum("image/png" in out.get("data", {}) for c in cells for out in c.outputs) >= 8
    assert path.stat().st_size < 2_000_000


@pytest.mark.parametrize("path", NOTEBOOKS, ids=IDS)
def test_its_page_shows_code_outputs_and_figures(path: Path) -> None:
    files = notebook(path)
    page = files[f"{path.stem}.md"]
    assert isinstance(page, str)
    shown = set(re.findall(r"!\[\w+\]\((\S+)\)", page))
    assert shown == files.keys() - {f"{path.stem}.md"}
    assert all(
        str(content)[2:].startswith("\\x89PNG") for name, content in files.items() if name in shown
    )
    assert page.count("```python") == len(list(code(nbformat.read(path, as_version=4))))
    assert "<table>" in page
    assert "<style" not in page
