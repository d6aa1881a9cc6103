"""What every command on a trained model is told: the run, where it goes through, what is kept."""

import contextlib
import dataclasses
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from omegaconf import DictConfig, OmegaConf

from autoencoder.experiment.checks import check_arguments
from autoencoder.trained.arrays import InputError
from autoencoder.trained.run import Run, load

STDOUT = "-"


@dataclass(frozen=True)
class Options:
    """The options that all commands share; the values are those of `conf/trained.yaml`.

    Attributes:
        run: The run directory; a list of them where several are compared.
        out: Where what is made goes.
        overwrite: Whether a file that is there is replaced.
        data_root: As for `load`.
        device: As for `load`.
        batch_size: As for `load`.
        trust: As for `load`.
    """

    run: str | int | list[str | int] | None
    out: str | int | None
    overwrite: bool
    data_root: str | None
    device: str
    batch_size: int
    trust: list[str] | str | None

    def load(self) -> Run:
        """The run.

        Raises:
            InputError: If none is named; and as for `load`.
        """
        if self.run in (None, ""):
            raise InputError("run=PATH is missing: the folder of a run")
        if isinstance(self.run, list):
            raise InputError(f"run= is one run here, got {len(self.run)}")
        if self.batch_size < 1:
            raise InputError(f"batch_size must be a whole number >= 1, got {self.batch_size}")
        trust = [self.trust] if isinstance(self.trust, str) else self.trust or []
        return load(
            str(self.run),
            device=self.device,
            data_root=self.data_root,
            batch_size=self.batch_size,
            trust=tuple(trust),
        )

    def place(self, *suffixes: str, folder: str = "", mark: str = "", stdout: str = "") -> Path:
        """The path of what is made, which is free, or may be replaced.

        Args:
            *suffixes: Of the files that it may be.
            folder: What it is where it has no suffix; empty if it must be a file.
            mark: The file by which such a folder is known, which may then be replaced.
            stdout: What `-` stands for; empty if it must be a file.

        Raises:
            InputError: If it is missing, there already, or of no such kind.
        """
        kinds = [f"FILE{suffix}" for suffix in suffixes]
        kinds += [f"FOLDER ({folder})"] if folder else []
        kinds += [f"- ({stdout})"] if stdout else []
        wanted = f"out= is {' or '.join(kinds)}"
        if self.out in (None, ""):
            raise InputError(f"out=PATH is missing: {wanted}")
        out = Path(str(self.out))
        if self.out == STDOUT and stdout:
            return out
        if not (out.suffix in suffixes or (folder and not out.suffix and self.out != STDOUT)):
            raise InputError(f"out={self.out}: {wanted}")
        if out.is_dir() and (out.suffix in suffixes or any(out.iterdir())):
            if not (mark and (out / mark).exists()):
                raise InputError(f"out={self.out} is a folder that holds something; name another")
            if not self.overwrite:
                raise InputError(f"out={self.out} is there already; overwrite=true replaces it")
        if out.is_file() and not (self.overwrite and out.suffix in suffixes):
            raise InputError(f"out={self.out} is there already; overwrite=true replaces it")
        return out


def carried_out(cfg: DictConfig, command: Callable[..., None]) -> None:
    """Calls a command with what a config such as `conf/embed.yaml` says.

    Args:
        cfg: The fields of `Options`, and the arguments of the command.
        command: Takes the options, then its own arguments by name.

    Raises:
        ConfigError: If a value is of a type that its annotation doesn't allow.
    """
    values: Any = OmegaConf.to_container(cfg, resolve=True)
    shared = {field.name: values.pop(field.name) for field in dataclasses.fields(Options)}
    check_arguments("", shared, Options)
    check_arguments("", values, command)
    with standard_output_for(shared["out"]):
        command(Options(**shared), **values)


_written: list[TextIO] = []


def standard_output() -> TextIO:
    """Where `out=-` goes."""
    return _written[-1]


@contextlib.contextmanager
def standard_output_for(out: Any) -> Iterator[None]:
    """Leaves standard output to what is made, where it goes there: all else is said aside."""
    _written.append(sys.stdout)
    try:
        with contextlib.redirect_stdout(sys.stderr if out == STDOUT else sys.stdout):
            yield
    finally:
        sys.stdout.flush()
        _written.pop().flush()


def part_folder(out: Path) -> Path:
    """Where the parts of what is not finished are kept, beside it."""
    return out.with_name(f".{out.name}.part")
