"""The house: which room may know which, and how large a room or a file may grow."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "autoencoder"

# A room imports from itself and from those before it.
ROOMS = (
    "networks",
    "data",
    "metrics",
    "models",
    "analysis",
    "runs",
    "console",
    "commandline",
    "callbacks",
    "experiment",
    "report",
    "sweeps",
    "trained",
    "cli",
)
# The package itself, which every room knows for its error.
DOOR = PACKAGE / "__init__.py"
FILES = sorted(PACKAGE.rglob("*.py"))
LONGEST = 300


def room(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports(path: Path) -> Iterator[str]:
    """Modules of this package that a file imports, in functions as well, as dotted names."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.startswith("autoencoder"))
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            if (node.module or "").split(".")[0] == "autoencoder":
                # `from autoencoder import runs` names a room as well.
                yield from (f"{node.module}.{alias.name}" for alias in node.names)


def test_the_rooms_are_those_that_are_there() -> None:
    # Nor is `python -m` one, which calls the last of them.
    there = {room(path) for path in FILES} - {"__init__", "__main__"}
    assert there <= set(ROOMS)
    assert len(there) <= 14


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_only_from_the_rooms_before(path: Path) -> None:
    if path == DOOR:
        # What it hands on to users, which it imports when that is asked for, and for type checkers.
        assert {name.rpartition(".")[0] for name in imports(path)} == {"autoencoder.trained"}
        return
    allowed = ROOMS[: ROOMS.index(room(path).replace("__main__", "cli")) + 1]
    known = (name.split(".")[1] for name in imports(path))
    assert not {name for name in known if name in ROOMS and name not in allowed}


def test_no_circle_of_files() -> None:
    names = {
        ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts): path for path in FILES
    }
    names |= {name.removesuffix(".__init__"): path for name, path in names.items()}

    def known_files(path: Path) -> set[Path]:
        found = {names.get(name) or names.get(name.rpartition(".")[0]) for name in imports(path)}
        return {other for other in found if other not in (None, path)}

    # Importing the door imports no room: the next test.
    left = {path: known_files(path) for path in FILES if path != DOOR}
    while free := [path for path, others in left.items() if not others & left.keys()]:
        for path in free:
            del left[path]
    assert not left, f"a circle within {sorted(map(str, left))}"


def test_the_door_imports_nothing_until_it_is_asked() -> None:
    code = (
        "import sys, autoencoder; dir(autoencoder); "
        "assert not {name for name in sys.modules if name.startswith('autoencoder.')}; "
        "assert not {'torch', 'numpy', 'hydra'} & set(sys.modules); "
        "assert set(autoencoder.__all__) <= set(dir(autoencoder)); "
        "assert not hasattr(autoencoder, 'unload'); "
        "autoencoder.load; assert 'torch' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_file_says_what_it_holds_and_is_short(path: Path) -> None:
    text = path.read_text()
    assert ast.get_docstring(ast.parse(text))
    assert text.count("\n") <= LONGEST
