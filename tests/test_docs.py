"""What README and the pages of `docs/` show: every command can be run, every link leads somewhere.

A command of this project's programs is composed and checked; the slow test types those of the pages
in `RUN` into a shell, on drawn garments, unless `COMPOSED` says why not. Other commands are in
`OTHERS`.
"""

import json
import re
import shlex
import shutil
import tomllib
from collections.abc import Iterator
from functools import wraps
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import DictConfig, OmegaConf

from autoencoder.cli import COMMANDS as USES
from autoencoder.commandline.configs import CONF_DIR
from autoencoder.commandline.words import ordered
from autoencoder.experiment import checks
from autoencoder.metrics import COLUMNS
from autoencoder.report.measure.settings import Settings
from autoencoder.sweeps import plugins
from autoencoder.sweeps.pairs import jobs
from autoencoder.sweeps.search_space import distribution
from autoencoder.trained.options import carried_out
from docs import hooks

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
