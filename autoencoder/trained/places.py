"""Where a run is: in the folder that was named, or in what the package brings along."""

from pathlib import Path

_REFERENCE = Path("multirun/reference")
_PACKAGE = Path(__file__).parents[1]


def located(path: str | Path) -> Path:
    """The folder of a run or of a sweep; of the reference table, also away from the checkout."""
    path = Path(path)
    if path.exists() or path.parts[:2] != _REFERENCE.parts:
        return path
    # In a checkout it lies beside the package, in a wheel inside of it.
    for reference in (_PACKAGE / "reference", _PACKAGE.parent / _REFERENCE):
        found = reference.joinpath(*path.parts[2:])
        if found.exists():
            return found
    return path
