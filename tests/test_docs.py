"""What README and the pages of `docs/` show: every command can be run, every link leads somewhere.

A command of this project's programs is composed and checked; the slow test runs those of the pages
for newcomers, on drawn garments. Other commands are in `OTHERS`, with what is asked of each.
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
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import DictConfig, OmegaConf

from autoencoder.commandline.configs import CONF_DIR
from autoencoder.commandline.words import ordered
from autoencoder.experiment import checks
from autoencoder.report.measure.settings import Settings
from autoencoder.sweeps import plugins
from autoencoder.sweeps.pairs import jobs
from autoencoder.sweeps.search_space import distribution
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
}
# The beginnings of lines that are commands, beside those.
OTHERS = (
    "pip", "pytest", "python", "sh", "mkdocs", "tensorboard", "pre-commit", ".ci/run", "eval",
    "srun",
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


def commands_of(page: str, text: str) -> Iterator[Command]:
    for language, code in blocks(text):
        if language not in ("", "sh", "bash", "console", "shell"):
            continue
        for line in re.sub(r"\\\n\s*", "", code).splitlines():
            said = line.strip().removeprefix("$ ")
            bare = re.sub(r"^(\w+=\S+ )+", "", said)
            if bare.startswith(tuple(PROGRAMS)) or bare.split(" ")[0] in OTHERS:
                yield Command(page, said)


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


def test_the_beginning_of_every_line_of_a_shell_block_is_known() -> None:
    for path in PAGES:
        for language, code in blocks(path.read_text()):
            if language in ("sh", "bash", "console", "shell"):
                lines = [line for line in code.splitlines() if line[:1] not in ("", " ", "#")]
                found = list(commands_of("", f"```sh\n{code}```\n"))
                assert len(found) >= len(lines) - code.count("\\\n"), f"{path}: {code}"


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


@pytest.fixture(scope="module")
def own_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a user has who has followed the pages: a package, configs, a file of pairs, a run."""
    folder = tmp_path_factory.mktemp("own")
    for path in PAGES:
        for _, code in blocks(path.read_text()):
            if name := re.match(r"# (myconf/\S+|\w+\.yaml|mine\.py)\n", code):
                (folder / name[1]).parent.mkdir(parents=True, exist_ok=True)
                (folder / name[1]).write_text(code.partition("\n")[2])
    (folder / "myconf/model").mkdir(exist_ok=True)
    shutil.copy(CONF_DIR / "model/dense.yaml", folder / "myconf/model/mine.yaml")
    this = folder / "outputs/first/.hydra/experiment/this.yaml"
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
        if cfg.get("run") is not None:
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


# What newcomers type, in the order of the pages.
RUN = ("README.md", "docs/quick-start.md", "docs/howto/runs.md", "docs/howto/results.md")
FASTER = {"trainer.max_epochs": "1", "data.train_size": "160", "data.test_size": "40"}


@pytest.mark.slow
@pytest.mark.parametrize("page", RUN[1:])
def test_a_newcomer_gets_through_the_page(page: str, tmp_path: Path) -> None:
    """All commands of this project, then all Python, in one folder, as the pages have them."""
    quick = [text for text in TINY if "max_epochs" not in text and "_size" not in text]
    quick += ["callbacks.latent_maps=null", "data.val_size=32", "data.batch_size=64"]
    environment: Any = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}

    def run(*words: str) -> None:
        done = subprocess.run(
            words, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300
        )
        assert done.returncode == 0, f"{shlex.join(words)}\n{done.stdout[-2000:]}{done.stderr}"

    pages = [page] if page == RUN[1] else [RUN[1], page]
    for command in [c for name in pages for c in COMMANDS if c.page == name]:
        program, words = split(command.text)
        if "--config-dir myconf" in command.text or program not in PROGRAMS:
            continue
        if PROGRAMS[program] == "train" and "this" not in command.text:
            named = [word for word in words if word.partition("=")[0] not in FASTER]
            words = [*named, *quick, *(f"{key}={value}" for key, value in FASTER.items())]
        if PROGRAMS[program] == "evaluate":
            words += ["max_points=40", "samples_per_class=4", "knn_points=40"]
        run(sys.executable, str(ROOT / f"{PROGRAMS[program]}.py"), *words)
    for path, code in PYTHON:
        if str(path.relative_to(ROOT)) == page:
            run(sys.executable, "-c", code)
