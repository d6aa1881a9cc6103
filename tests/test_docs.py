"""What README and the pages of `docs/` show: every command can be run, every link leads somewhere.

A command of this project's programs is composed and checked; the slow test types those of the pages
in `RUN` into a shell, on drawn garments, unless `COMPOSED` says why not. Other commands are in
`OTHERS`.
"""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from functools import wraps
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

import numpy
import pytest
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import DictConfig, OmegaConf
from torchvision.transforms.functional import to_pil_image

from autoencoder.cli import COMMANDS as USES
from autoencoder.commandline.configs import CONF_DIR
from autoencoder.commandline.words import ordered
from autoencoder.data.synthetic import synthetic_garments
from autoencoder.experiment import checks
from autoencoder.metrics import COLUMNS
from autoencoder.report.measure.settings import Settings
from autoencoder.sweeps import plugins
from autoencoder.sweeps.pairs import jobs
from autoencoder.sweeps.search_space import distribution
from autoencoder.trained.options import carried_out
from docs import hooks
from tests.conftest import TINY

ROOT = Path(__file__).parent.parent
PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *ROOT.glob("docs/**/*.md")])
PROGRAMS = {
    "python train.py": "train",
    "autoencoder-train": "train",
    "python evaluate.py": "evaluate",
    "autoencoder-evaluate": "evaluate",
    "python pack.py": "pack",
    "autoencoder-pack": "pack",
    **{f"autoencoder {name}": name for name in USES},
}
# The beginnings of lines that are commands, beside those.
OTHERS = (
    "pip", "pytest", "python", "sh", "mkdocs", "tensorboard", "pre-commit", ".ci/run", "eval",
    "srun", "find", "embedding-atlas", "mkdir", "ln", "mlflow", "wandb", "ray",
)  # fmt: skip
EXTRAS = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]


class Command(NamedTuple):
    """A command as a page shows it, in one line."""

    page: str
    text: str


def blocks(text: str) -> Iterator[tuple[str, str]]:
    """The code of a page: the language of each block, and what is in it."""
    fence = re.compile(r'^( *)```(\w*)(?: title="(.*)")?\n(.*?)^\1```', re.M | re.S)
    for _, language, title, code in fence.findall(text):
        yield language, f"# {title}\n{code}" if title else code
    for code in re.findall(r"(?:^ {4}.*\n(?:\n(?= {4}))?)+", fence.sub("", text), re.M):
        yield "", code


def lines_of(text: str) -> Iterator[str]:
    """The lines of a page that a reader types."""
    for language, code in blocks(text):
        if language in ("", "sh", "bash", "console", "shell"):
            lines = re.sub(r"\\\n\s*", "", code).splitlines()
            said = (line.strip().removeprefix("$ ") for line in lines)
            yield from (line for line in said if line and not line.startswith("#"))


def commands_of(page: str, text: str) -> Iterator[Command]:
    for line in lines_of(text):
        for said in re.split(r" \| | && ", line):
            yield Command(page, re.sub(r" > \S+$", "", said))


COMMANDS = [
    command
    for path in PAGES
    for command in commands_of(str(path.relative_to(ROOT)), path.read_text())
] + list(commands_of("config.md", hooks.config_page()))
COMMANDS += [
    command
    for path in hooks.NOTEBOOKS
    for cell in json.loads(path.read_text())["cells"]
    if cell["cell_type"] == "markdown"
    for command in commands_of(path.name, "".join(cell["source"]))
]
PYTHON = [
    (path, code) for path in PAGES for kind, code in blocks(path.read_text()) if kind == "python"
]


def test_commands_are_found() -> None:
    # Counted in another way: a page whose commands stop being found fails here.
    shown = sum(path.read_text().count("    python train.py") for path in PAGES)
    found = [c for c in COMMANDS if "python train.py" in c.text and c.page != "config.md"]
    assert len(found) >= shown >= 50
    assert len(COMMANDS) > 120


@pytest.mark.parametrize("command", dict.fromkeys(COMMANDS), ids=lambda command: command.text)
def test_the_beginning_of_every_line_is_known(command: Command) -> None:
    # What is shown and not typed is fenced, as ```text.
    bare = re.sub(r"^(\w+=\S+ )+", "", command.text)
    program, _ = split(command.text)
    assert program in PROGRAMS or bare.split(" ")[0] in OTHERS, command


def split(text: str) -> tuple[str, list[str]]:
    """The program and its words, without what a shell does before and after."""
    words = shlex.split(text, comments=True)
    while re.match(r"\w+=", words[0]):
        del words[0]
    if words[0] == "srun":
        words = [word for word in words[1:] if not word.startswith("--n")]
    if words[0].startswith("autoencoder-"):
        return words[0], words[1:]
    return " ".join(words[:2]), words[2:]


def write_files(folder: Path) -> None:
    """Writes what pages show under the name of a file."""
    for path in PAGES:
        for _, code in blocks(path.read_text()):
            if name := re.match(r"# (myconf/\S+|\w+\.yaml|mine\.py)\n", code):
                (folder / name[1]).parent.mkdir(parents=True, exist_ok=True)
                (folder / name[1]).write_text(code.partition("\n")[2])


def write_own(folder: Path) -> None:
    """Writes those files, and the config of a model that is described and not shown."""
    write_files(folder)
    (folder / "myconf/model").mkdir(exist_ok=True)
    shutil.copy(CONF_DIR / "model/dense.yaml", folder / "myconf/model/mine.yaml")


@pytest.fixture(scope="module")
def own_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a user has who has followed the pages: a package, configs, a file of pairs, a run."""
    folder = tmp_path_factory.mktemp("own")
    write_own(folder)
    this = folder / "outputs/noisy/.hydra/experiment/this.yaml"
    this.parent.mkdir(parents=True)
    this.write_text("# @package _global_\nseed: 3\n")
    return folder


@pytest.fixture
def in_own_folder(own_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(own_folder)
    monkeypatch.syspath_prepend(own_folder)


def composed(program: str, overrides: list[str], folders: list[str]) -> DictConfig:
    GlobalHydra.instance().clear()
    places = ",".join(f"file://{Path(folder).absolute()}" for folder in folders)
    with initialize_config_dir(str(CONF_DIR), version_base="1.3"):
        return compose(
            program, [*overrides, f"hydra.searchpath=[{places}]"], return_hydra_config=True
        )


@pytest.mark.usefixtures("in_own_folder")
@pytest.mark.parametrize(
    "command",
    [c for c in dict.fromkeys(COMMANDS) if split(c.text)[0] in PROGRAMS],
    ids=lambda command: f"{command.page}: {command.text}",
)
def test_commands_of_the_programs_compose_and_pass_the_checks(command: Command) -> None:
    plugins.register()
    program, words = split(command.text)
    words = ordered(words)
    flags = [word for word in words if word.startswith("-")]
    folders = [words.pop(i + 1) for i, word in enumerate(words) if word == "--config-dir"]
    lines = [
        w for w in words if not w.startswith("-") and "=" in w and not w.startswith("install=")
    ]
    if PROGRAMS[program] != "train":
        cfg = without_hydra(composed(PROGRAMS[program], lines, folders))
        if PROGRAMS[program] in USES:
            assert cfg.run
            name = PROGRAMS[program]
            use = getattr(import_module(f"autoencoder.trained.{USES[name][0]}"), name)
            carried_out(cfg, wraps(use)(lambda *_, **__: None))  # checks the values and no more
        elif PROGRAMS[program] == "pack":
            assert cfg.out
        elif cfg.run is not None:
            Settings.from_config(cfg)
        return
    if "-m" not in flags:
        assert not any(
            o.is_sweep_override() for o in OverridesParser.create().parse_overrides(lines)
        )
    placed = ["run_dir=.", "name=x"]
    fixed = [line for line in lines if not is_sweep(line)]
    cfg = composed("train", [*fixed, *placed], folders)
    if "optuna" in cfg.hydra.sweeper._target_:
        swept = OverridesParser.create().parse_overrides([line for line in lines if is_sweep(line)])
        assert [distribution(override) for override in swept]
        return
    params = [f"{key}={value}" for key, value in (cfg.hydra.sweeper.params or {}).items()]
    runs = jobs([*params, *lines], cfg.pairs)
    assert len(runs) > 1 or "-m" not in flags
    found = [cfg]
    if len(runs) > 1:
        ends = (runs[0], runs[-1])
        found = [composed("train", [*job, "pairs=null", *placed], folders) for job in ends]
    for cfg in map(without_hydra, found):
        # Whether this machine has them is not asked.
        cfg.trainer.merge_with({"accelerator": "cpu", "devices": 1, "num_nodes": 1})
        checks.check(cfg)


def without_hydra(cfg: DictConfig) -> DictConfig:
    OmegaConf.set_struct(cfg, False)
    del cfg["hydra"]
    return cfg


def is_sweep(line: str) -> bool:
    return bool(OverridesParser.create().parse_override(line).is_sweep_override())


@pytest.mark.parametrize(
    "command",
    [c for c in dict.fromkeys(COMMANDS) if split(c.text)[0] not in PROGRAMS],
    ids=lambda command: f"{command.page}: {command.text}",
)
def test_other_commands_name_what_is_there(command: Command) -> None:
    words = shlex.split(command.text, comments=True)
    for extra in re.findall(r"\.\[(\w+)\]", command.text):
        assert extra in EXTRAS
    for word in words:
        if word.endswith((".py", ".sh")) or word.startswith(".ci/"):
            assert (ROOT / word).is_file(), word
    if words[0] == "pip" and not command.text.startswith("pip install -e"):
        known = {re.split(r"[>=\[]", need)[0] for needs in EXTRAS.values() for need in needs}
        assert words[1] == "wheel" or set(words[2:]) <= known
    if words[0] == "eval":
        program, _ = split(re.sub(r'eval "\$\((.*)\)"', r"\1", command.text))
        assert program in PROGRAMS


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_to_what_is_in_the_repository(path: Path) -> None:
    text = re.sub(r"```.*?```|`[^`\n]*`", "", path.read_text(), flags=re.S)
    for target in re.findall(r"\]\(([^)\s]+)\)|src=\"([^\"]+)\"", text):
        name, _, anchor = "".join(target).partition("#")
        if name.startswith(("http:", "https:", "mailto:")):
            continue
        there = (path.parent / name).resolve() if name else path
        # This page is made when the site is.
        assert there.exists(), f"{path.name}: {name}"
        if anchor and there.suffix == ".md":
            assert anchor in anchors(there.read_text()), f"{path.name}: {name}#{anchor}"


def anchors(text: str) -> set[str]:
    headings = re.findall(r"^#+ (.*)$", re.sub(r"```.*?```", "", text, flags=re.S), re.M)
    words = (re.sub(r"[^\w\s-]", "", heading.lower()).strip() for heading in headings)
    return {re.sub(r"[\s]+", "-", heading) for heading in words}


@pytest.mark.parametrize(
    ("path", "code"), PYTHON, ids=[str(path.relative_to(ROOT)) for path, _ in PYTHON]
)
def test_python_is_python(path: Path, code: str) -> None:
    compile(code, str(path), "exec")


def test_the_glossary_has_the_words_of_every_metric() -> None:
    text = (ROOT / "docs/glossary.md").read_text()
    entries = re.findall(r"^\| ([^|]+) \|", text.partition("## Fashion-MNIST")[0], re.M)
    words = {part.strip().lower() for entry in entries for part in re.split(r"[,()]", entry)}
    words = (words | {"and"}) - {"", "english"}
    # What is said of several metrics, and units.
    plain = {
        "of",
        "on",
        "the",
        "s",
        "db",
        "clean",
        "test",
        "error",
        "bound",
        "best",
        "linear",
        "both",
    }
    alone = {"pca", "mse", "psnr", "ssim", "auroc", "elbo", "iwae", "kl", "nats", "k-nn"}
    assert alone <= words
    for column in COLUMNS.values():
        rest = column.title.lower()
        for word in sorted(words, key=len, reverse=True):
            rest = re.sub(rf"(?<!\w){re.escape(word)}s?(?!\w)", " ", rest)
        left = set(re.findall(r"[\w-]+", rest)) - plain
        assert not left, f"{column.title}: {left}"


# What newcomers type, in the order in which they would.
RUN = (
    "README.md", "docs/quick-start.md", "docs/howto/runs.md", "docs/howto/results.md",
    "docs/howto/sweeps.md", "docs/trained-model.md", "docs/scale.md", "docs/generation.md",
    "docs/own-images.md", "docs/howto/own.md", "docs/howto/search.md", "docs/howto/shell.md",
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
