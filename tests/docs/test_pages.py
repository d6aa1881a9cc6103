"""The pages' commands typed one after another, as a newcomer would.

A file of its own in a folder that is tested early: what takes minutes must not come last.
"""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy
import pytest
from torchvision.transforms.functional import to_pil_image

from autoencoder.data.synthetic import synthetic_garments
from tests.conftest import TINY
from tests.test_docs import COMMANDS, PROGRAMS, PYTHON, ROOT, Command, lines_of, split, write_own

# What newcomers type, in the order in which they would.
RUN = (
    "README.md", "docs/quick-start.md", "docs/howto/runs.md", "docs/howto/results.md",
    "docs/howto/sweeps.md", "docs/trained-model.md", "docs/scale.md",
    "docs/own-images.md", "docs/howto/search.md", "docs/howto/shell.md",
    "docs/trackers.md",
)  # fmt: skip
# What is not typed, by what is in it or by its page, and why.
COMPOSED = {
    "logger=mlflow": "takes MLflow, or a server of it",
    "logger=wandb": "takes Weights & Biases",
    "data=torchvision": "downloads",
    "data=huggingface": "downloads",
    "data.root=food": "is of what was downloaded",
    "data.root=/mnt/images": "is of Fashion-MNIST on another disk",
    # A report of such data takes 10 to 20 seconds.
    "prior.mixture.components=100": "is the report of another command with another value",
    "prior.codes.components=1": "is one of a model that has to be trained for it",
    "prior=none": "does less than the command before it",
    "name=by_validation": "is the search before it by another metric",
    "name=short": "is the first search with another sampler",
    "docs/report.md": "is for what tests/sweeps/test_watch.py and tests/report hold",
    "docs/generation.md": "is for what tests/report and tests/trained hold, in a report each",
    "docs/howto/own.md": "is for what tests/test_wheel.py runs, in minutes",
    "docs/howto/machines.md": "takes several processes, GPUs or Slurm",
    "docs/ray.md": "takes a Ray cluster",
    "docs/demo.md": "serves until it is stopped",
    "CONTRIBUTING.md": "is of code that tests/test_contributing.py runs",
    "config.md": "is an example in a file of conf/",
    "compression.ipynb": "makes what the notebook shows, in minutes",
    **dict.fromkeys(
        (
            "docs/models.md",
            "docs/one_class.md",
            "docs/residual.md",
            "docs/differences.md",
            "docs/results.md",
            "docs/index.md",
        ),
        "has the form of those that are typed, for another experiment",
    ),
}
FASTER = {
    "train": {
        **dict(text.split("=") for text in TINY),
        "callbacks.latent_maps": "null",
        "trainer.max_epochs": "1",
        "data.train_size": "160",
    },
    "evaluate": {"max_points": "40", "samples_per_class": "4", "knn_points": "40"},
    "search": {"hydra.sweeper.n_trials": "2"},
    "pack": {"data": "synthetic", "data.train_size": "160", "data.test_size": "40"},
}


def why_not(command: Command) -> str | None:
    """Why a command is composed and not typed; None if it is typed."""
    reasons = (
        why for sign, why in COMPOSED.items() if sign in (command.page, *command.text.split())
    )
    return next(reasons, None)


def faster(line: str) -> str:
    """A command of a page, of little data."""
    program, words = split(line)
    if program not in PROGRAMS:
        return line
    before = line[: line.index(program)]
    said = dict(word.partition("=")[::2] for word in words)
    values = dict(FASTER.get(PROGRAMS[program], {}))
    if {"--help", "--cfg"} & set(words) or said.get("experiment") == "this":
        values = {}  # it computes nothing, or has them already
    if said.get("hydra/sweeper") == "optuna":
        values |= FASTER["search"]
    if said.get("data") in ("memmap", "stream", "image_folder", "arrays"):
        for name in ("data", "data.train_size", "data.test_size"):
            del values[name]
    if said.get("data") == "image_folder":
        values["data.image_size"] = "16"
    kept = [word for word in words if word.partition("=")[0] not in values]
    added = [f"{key}={value}" for key, value in values.items()]
    return f"{before}{program} {shlex.join([*kept, *added])}" if values else line


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a newcomer who has the programs, a few photos, and a run called my-run."""
    folder = tmp_path_factory.mktemp("desk")
    for name in ("train.py", "evaluate.py", "pack.py"):
        (folder / name).symlink_to(ROOT / name)
    program = folder / "bin/autoencoder"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m autoencoder "$@"\n')
    program.chmod(0o755)
    for name in ("train", "evaluate"):
        program = folder / f"bin/autoencoder-{name}"
        program.write_text(f"#!{sys.executable}\nfrom autoencoder.cli import {name}\n{name}()\n")
        program.chmod(0o755)
    images, labels = synthetic_garments(40, 28, 1, seed=5)
    for place in ("photos/Bag", "scans"):
        (folder / place).mkdir(parents=True)
        for i, image in enumerate(images):
            to_pil_image(image).save(folder / place / f"{i}.jpg")
    for i, name in enumerate(("a.png", "b.png")):
        to_pil_image(images[i]).save(folder / name)
    numpy.savez(folder / "images.npz", images=(images[:, 0] * 255).byte(), labels=labels)
    write_own(folder)
    # Which `faster` says for all of them.
    pairs = folder / "pairs.yaml"
    pairs.write_text(pairs.read_text().replace("  trainer.max_epochs: 10\n", ""))
    typed(folder, faster("python train.py name=my-run"))
    return folder


def typed(folder: Path, line: str) -> None:
    path = f"{folder / 'bin'}:{Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "PATH": path}
    done = subprocess.run(
        ("bash", "-c", line),
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, f"{line}\n{done.stdout[-2000:]}{done.stderr}"


@pytest.mark.slow
@pytest.mark.parametrize("page", RUN)
def test_a_newcomer_gets_through_the_page(page: str, desk: Path) -> None:
    """All commands of this project, then all Python, page after page.

    What has been typed on an earlier page is finished, and need not be run again.
    """
    text = (ROOT / page).read_text()
    for line in lines_of(text):
        command = Command(page, line.partition(" && tensorboard")[0])
        if (is_typed(line) or "| autoencoder" in line) and not why_not(command):
            typed(desk, faster(filled_in(command.text, desk)))
    if page == "docs/trained-model.md":
        (desk / "multirun/reference").symlink_to(ROOT / "multirun/reference")
    for path, code in PYTHON:
        if path == ROOT / page:
            typed(desk, shlex.join([sys.executable, "-c", code]))


def filled_in(line: str, desk: Path) -> str:
    """A command with the newest run, or sweep, in the place of NAME or PATH."""

    def newest(place: str) -> str:
        found = max((desk / place).iterdir(), key=lambda folder: folder.stat().st_mtime_ns)
        return f"{place}/{found.name}"

    line = re.sub(r"\b(outputs|multirun)/NAME\b", lambda found: newest(found[1]), line)
    return line.replace("run=PATH", f"run={newest('outputs')}") if "run=PATH" in line else line


def is_typed(line: str) -> bool:
    return split(line)[0] in PROGRAMS or line.startswith("eval ")


def test_every_command_is_typed_or_is_known_not_to_be() -> None:
    programs = [c for c in dict.fromkeys(COMMANDS) if is_typed(c.text)]
    typed = [c for c in programs if c.page in RUN and not why_not(c)]
    assert {c.page for c in typed} == set(RUN)
    for command in programs:
        assert command in typed or why_not(command), command
    unused = set(COMPOSED) - {word for c in programs for word in (c.page, *c.text.split())}
    assert not unused
