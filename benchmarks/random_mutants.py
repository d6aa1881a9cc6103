"""Random wrong operators and numbers: the share of them that the tests of a room let pass.

    python benchmarks/random_mutants.py 10

Draws so many from each room of the package (seed 0; a second number is another), as `mutants.py`
puts each into a copy of this tree, and runs the tests that mirror its file, or those of its room
where none does. Says which survived, and the share by room. Some of them change nothing that can
be seen (a margin of a picture, a block's size): a share is to be compared, not to be 0.
"""

import ast
import random
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mutants import (  # type: ignore[import-not-found]  # it is beside this program
    FAILED,
    PASSED,
    ROOT,
    copied,
)

PACKAGE = ROOT / "autoencoder"
ROOMS = (
    "data", "metrics.py", "models", "analysis", "runs", "callbacks", "experiment",
    "report/measure", "report/draw", "report/write", "sweeps",
)  # fmt: skip
# How a garment is drawn is a matter of taste.
DRAWINGS = ("garments.py", "canvas.py")
SWAPPED: dict[type[ast.AST], Any] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq, ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is,
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult,
    ast.FloorDiv: ast.Div, ast.Mod: ast.Mult, ast.Pow: ast.Mult, ast.And: ast.Or, ast.Or: ast.And,
}  # fmt: skip
NAMES = {"min": "max", "max": "min", "argmin": "argmax", "argmax": "argmin", "any": "all"}


def wrong(node: ast.expr) -> ast.expr | None:
    """The node with something else in it; None if there is nothing to change."""
    match node:
        case ast.BinOp() | ast.BoolOp() if type(node.op) in SWAPPED:
            return type(node)(**vars(node) | {"op": SWAPPED[type(node.op)]()})
        case ast.Compare(ops=[op, *others]):
            return ast.Compare(node.left, [SWAPPED[type(op)](), *others], node.comparators)
        case ast.UnaryOp(op=ast.Not() | ast.USub()):
            return node.operand
        case ast.Constant(value=bool() as value):
            return ast.Constant(not value)
        case ast.Constant(value=int() | float() as number):
            return ast.Constant(number + 1)
        case ast.Name(id=name) if name in NAMES:
            return ast.Name(NAMES[name])
        case ast.Attribute(attr=name) if name in NAMES:
            return ast.Attribute(node.value, NAMES[name])
    return None


def mutants(source: str) -> Iterator[tuple[int, str, str]]:
    """Line, what is there and instead, and the whole text, for each change of a source."""
    tree, lines = ast.parse(source), source.encode().splitlines(keepends=True)
    annotations = {
        id(inner)
        for node in ast.walk(tree)
        for part in (getattr(node, "annotation", None), getattr(node, "returns", None))
        if part is not None
        for inner in ast.walk(part)
    }
    for node in ast.walk(tree):
        if not isinstance(node, ast.expr) or id(node) in annotations:
            continue
        changed = wrong(node)
        if changed is not None:
            assert node.end_lineno is not None
            assert node.end_col_offset is not None
            start = len(b"".join(lines[: node.lineno - 1])) + node.col_offset
            end = len(b"".join(lines[: node.end_lineno - 1])) + node.end_col_offset
            old, new = source.encode()[start:end].decode(), f"({ast.unparse(changed)})"
            text = source.encode()[:start] + new.encode() + source.encode()[end:]
            yield node.lineno, f"{' '.join(old.split())} -> {new}", text.decode()


def tests_of(file: Path) -> list[str]:
    """The tests that mirror a file of the package, or those of its room."""
    room = ROOT / "tests" / file.relative_to(PACKAGE).parts[0]
    mirrored = [*room.parent.glob(f"test_{file.stem}.py"), *room.rglob(f"test_{file.stem}.py")]
    return [str(path.relative_to(ROOT)) for path in mirrored or [room]]


def main(count: int, seed: int) -> None:
    """Draws and tries them."""
    shares = []
    drawn = random.Random(seed)
    for room in ROOMS:
        files = [PACKAGE / room] if room.endswith(".py") else sorted((PACKAGE / room).rglob("*.py"))
        files = [file for file in files if file.name not in DRAWINGS]
        found = [(file, *mutant) for file in files for mutant in mutants(file.read_text())]
        chosen = drawn.sample(found, min(count, len(found)))
        survived = 0
        with copied([test for file, *_ in chosen for test in tests_of(file)]) as copy:
            for file, line, change, text in chosen:
                name = str(file.relative_to(ROOT))
                with copy.changed(name, text):
                    status, _ = copy.test(tests_of(file))
                # One that ends the collection of the tests is noticed as well.
                survived += status == PASSED
                result = {PASSED: "SURVIVED", FAILED: "caught"}.get(status, "caught at once")
                print(f"{result}: {name}:{line}: {change}", flush=True)
        shares.append(f"{room:<16}{survived} of {len(chosen)} survived, of {len(found)} there are")
        print(shares[-1], flush=True)
    print("", *shares, sep="\n")


if __name__ == "__main__":
    main(*(int(word) for word in [*sys.argv[1:], "0"][:2]))
