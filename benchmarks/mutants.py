"""Wrong lines, one at a time: shows that a test notices each of them.

    python benchmarks/mutants.py

Puts each entry of `mutants.toml` into a copy of this tree, with its uncommitted changes, and runs
the tests that should fail then. Exits with 0 only if all of them do: a wrong line that no test
notices, and an entry whose text the code no longer has, are both named. `autoencoder/runs seed`
tries only those entries in whose file or name one of the words is.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

# Exit statuses of pytest.
PASSED, FAILED = 0, 1
# Seconds after which tests are taken for a loop that never ends.
_LONGEST = 900


@dataclass(frozen=True)
class Mutant:
    """A wrong line.

    Attributes:
        name: What is wrong.
        file: Where, from the root of the tree.
        old: The right text, which the file has once.
        new: The wrong one.
        tests: Files of tests, or single tests, one of which should fail.
    """

    name: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]

    def of(self, text: str) -> str | None:
        """The file's text with the wrong line; None if the right one is not there once."""
        return text.replace(self.old, self.new) if text.count(self.old) == 1 else None


class Copy:
    """A copy of this tree, to be broken."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
        names = subprocess.run(listed, cwd=ROOT, capture_output=True, text=True, check=True).stdout
        for name in filter(None, names.split("\0")):
            if (ROOT / name).is_file():  # not what was deleted
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, folder / name)

    def test(self, tests: Sequence[str], marks: str = "not slow") -> tuple[int, str]:
        """Exit status of pytest on tests of such marks, and the end of what it said."""
        # Without bytecode: a file of the same size and second would be taken for the one before.
        settings = {"PYTHONPATH": str(self.folder), "PYTHONDONTWRITEBYTECODE": "1"}
        command = [sys.executable, "-m", "pytest", "-x", "-q", "-n", "0", "-m", marks, "--tb=line"]
        try:
            ran = subprocess.run(
                [*command, "-p", "no:cacheprovider", *tests],
                cwd=self.folder,
                env=os.environ | settings | {"OMP_NUM_THREADS": "1"},
                capture_output=True,
                text=True,
                timeout=_LONGEST,
            )
        except subprocess.TimeoutExpired:
            return FAILED, "no end in sight"
        return ran.returncode, ran.stdout[-2000:] + ran.stderr[-2000:]

    @contextmanager
    def changed(self, file: str, text: str) -> Iterator[None]:
        """The copy with another text in a file."""
        path = self.folder / file
        right = path.read_text()
        path.write_text(text)
        try:
            yield
        finally:
            path.write_text(right)


@contextmanager
def copied(tests: Sequence[str], marks: str = "not slow") -> Iterator[Copy]:
    """A copy of this tree whose tests pass; ends the program where they don't."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Copy(Path(folder))
        status, said = copy.test(sorted(set(tests)), marks)
        if status != PASSED:
            sys.exit(f"{said}\nthe tests fail without any wrong line")
        yield copy


def main(words: Sequence[str]) -> int:
    """Tries the entries; 1 if one is not caught, or is no longer one."""
    entries = tomllib.loads((ROOT / "benchmarks/mutants.toml").read_text())["mutant"]
    mutants = [Mutant(**entry | {"tests": tuple(entry["tests"])}) for entry in entries]
    mutants = [m for m in mutants if not words or any(w in m.file + m.name for w in words)]
    wrong: list[str] = []
    with copied([test for mutant in mutants for test in mutant.tests], "") as copy:
        for number, mutant in enumerate(mutants, 1):
            text = mutant.of((copy.folder / mutant.file).read_text())
            if text is None:
                found = "NOT FOUND: its old text is not in the file once"
            else:
                with copy.changed(mutant.file, text):
                    status, said = copy.test(mutant.tests, "")
                kinds = {PASSED: "SURVIVED", FAILED: "caught"}
                found = kinds.get(status, f"NOT TESTED: {said}")
            line = f"{number} of {len(mutants)}: {found}: {mutant.file}: {mutant.name}"
            print(line, flush=True)
            wrong += [line] if found != "caught" else []
    print(f"\n{len(mutants) - len(wrong)} of {len(mutants)} caught", *wrong, sep="\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
