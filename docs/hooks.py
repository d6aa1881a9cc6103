"""What mkdocs builds besides the pages of this folder: pages made of the code, links, formulas.

- `config.md` from the files in `conf/`: what each key is, by its comment there.
- `api/ROOM.md` for each room of the package, from its docstrings.
- `notebooks/NAME.md` from the notebooks and the outputs that are kept in them.
- `contributing.md` and `changelog.md` from the top of the repository, and the figures of the
  reference runs. The pages link to where these lie in the repository, so that they can be read
  there as well.
- Formulas become MathML, which browsers draw without a script.
"""

import html
import inspect
import re
import shlex
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

import yaml  # type: ignore[import-untyped]  # its types are a package of their own
from latex2mathml.converter import convert
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from nbconvert import MarkdownExporter

from autoencoder.cli import COMMANDS
from autoencoder.commandline.meanings import keys
from autoencoder.experiment.checks import argument_in_words

ROOT = Path(__file__).parent.parent
CONF = ROOT / "conf"
ROOMS = (
    "networks", "data", "metrics", "models", "analysis", "runs", "console", "commandline",
    "callbacks", "experiment", "report", "sweeps", "trained",
)  # fmt: skip
REPORT = ROOT / "multirun/reference/report"
NOTEBOOKS = sorted(ROOT.glob("docs/notebooks/*.ipynb"))

# Where a link leads in the repository, and on the site.
_LINKS = {
    "../CONTRIBUTING.md": "contributing.md",
    "../CHANGELOG.md": "changelog.md",
    "../conf": "config.md",
    "../multirun/reference/report/figures/": "figures/",
    "../multirun/reference/report/report.html": "reference-report.html",
}


def on_config(config: MkDocsConfig) -> None:
    """Puts the rooms into the navigation."""
    assert config.nav is not None
    config.nav.append({"API": [f"api/{room}.md" for room in _rooms()]})


def on_files(files: Files, config: MkDocsConfig) -> None:
    """Adds the pages that are made, and the figures of the reference runs."""
    pages = {
        "config.md": config_page(),
        "contributing.md": _moved("CONTRIBUTING.md"),
        "changelog.md": _moved("CHANGELOG.md"),
        **{f"api/{room}.md": _api(room) for room in _rooms()},
    }
    for name, text in pages.items():
        files.append(File.generated(config, name, content=text))
    for path in NOTEBOOKS:
        for name, content in notebook(path).items():
            files.append(File.generated(config, f"notebooks/{name}", content=content))
    for figure in sorted((REPORT / "figures").glob("*.png")):
        name = f"figures/{figure.name}"
        files.append(File.generated(config, name, abs_src_path=str(figure)))
    name = "reference-report.html"
    files.append(File.generated(config, name, abs_src_path=str(REPORT / "report.html")))


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Leads links into the repository to where the same is on the site."""
    if page.file.src_uri == "results.md":  # its table takes all the width there is
        page.meta["hide"] = ["toc"]
    up = "../" * page.file.src_uri.count("/")
    for there, here in _LINKS.items():
        for mark in ("](", 'src="'):
            markdown = markdown.replace(f"{mark}{up}{there}", f"{mark}{up}{here}")
    return re.sub(r"(\]\([\w/.-]+)\.ipynb\)", r"\1.md)", markdown)


def on_page_content(html_text: str, **_: Any) -> str:
    """Turns formulas into MathML."""
    return re.sub(
        r'<(span|div) class="arithmatex">\\[(\[](.*?)\\[)\]]</\1>', _formula, html_text, flags=re.S
    )


def notebook(path: Path) -> dict[str, str | bytes]:
    """The page of a notebook, `NAME.md`, and its figures, by name."""
    names = {"unique_key": path.stem, "output_files_dir": f"{path.stem}_files"}
    page, found = MarkdownExporter().from_filename(str(path), resources=names)
    # A table has its own style sheet, which is not this site's.
    page = re.sub(r"<style scoped>.*?</style>\s*", "", page, flags=re.S)
    page = re.sub(r"^( *)<table[^>]*>", r"\1<table>", page, flags=re.M)
    # As HTML, since links in Markdown to a notebook lead to its page.
    page += (
        f'\n<a href="{path.name}" download>This page as a notebook</a>, to be run and changed.\n'
    )
    return {f"{path.stem}.md": page, **found["outputs"]}


def config_page() -> str:
    """Every group of `conf/`, every choice, every key, in Markdown."""
    lines = [
        "# Config groups",
        "",
        "Made from the files in `conf/`. A group is chosen by `group=name`, a value is set by",
        "`group.key=value`; `python train.py --help` shows the same in a terminal. A choice that",
        "starts from others lists what it changes.",
        "",
    ]
    headings = {
        "train": "python train.py",
        "evaluate": "python evaluate.py",
        "pack": "python pack.py",
        "trained": "autoencoder COMMAND",  # what they all share
        **{name: f"autoencoder {name}" for name in COMMANDS},
    }
    assert {path.stem for path in CONF.glob("*.yaml")} == headings.keys()
    for name, heading in headings.items():
        text = (CONF / f"{name}.yaml").read_text()
        lines += [f"## `{heading}`", "", *_table(text, "", yaml.safe_load(text)), ""]
    groups = sorted({path.parent for path in CONF.glob("*/**/*.yaml")})
    for folder in groups:
        group = folder.relative_to(CONF).as_posix()
        lines += [f"## {group}", ""]
        for path in sorted(folder.glob("*.yaml")):
            lines += _choice(group, path)
    return "\n".join(lines)


def _rooms() -> list[str]:
    there = {path.stem for path in (ROOT / "autoencoder").iterdir()}
    return [room for room in ROOMS if room in there]


def _api(room: str) -> str:
    # Found after the pages that say how to.
    return f"---\nsearch: {{boost: 0.3}}\n---\n# {room}\n\n::: autoencoder.{room}\n"


def _moved(name: str) -> str:
    """A text from the top of the repository, with its links."""
    text = (ROOT / name).read_text()
    for there, here in {"CONTRIBUTING.md": "contributing.md", "docs/": ""}.items():
        text = text.replace(f"]({there}", f"]({here}")
    return text


def _choice(group: str, path: Path) -> list[str]:
    text = path.read_text()
    prefix = "" if "@package _global_" in text else f"{group.replace('/', '.')}."
    whole = _whole(path)
    starts = [*_starts_from(text, group)]
    target = whole.get("_target_") or _at(whole, f"{group}._target_")
    return [
        f"### {group}={path.stem}",
        "",
        *([html.escape(_header(text), quote=False), ""] if _header(text) else []),
        *([f"Starts from {', '.join(starts)}.", ""] if starts else []),
        *([f"Builds `{target}`.", ""] if target else []),
        *_table(text, prefix, whole),
        "",
        *_example(group, path.stem, text, prefix),
    ]


def _example(group: str, choice: str, text: str, prefix: str) -> list[str]:
    """A command that chooses it and sets a value, unless one stands at the top of the file."""
    if "train.py" in _header(text):
        return []
    values = yaml.safe_load(text) or {}
    said = [(key, _at(values, key)) for _, key, comment in keys(text.split("\n")) if comment]
    typed = [f"{prefix}{key}={_as_typed(value)}" for key, value in said if key[0] not in "_d"]
    first = [text for text in typed if "${" not in text][:1]
    needed = ["model=vae"] if group == "model/likelihood" else []
    program = ["evaluate.py", "run=PATH"] if group == "prior" else ["train.py"]
    words = ["python", *program, *needed, f"{group}={choice}", *first]
    return [f"    {shlex.join(words)}", ""]


def _whole(path: Path) -> dict[str, Any]:
    """The values of a file over those of the files that it starts from, in its own group."""
    own = yaml.safe_load(path.read_text()) or {}
    found: dict[str, Any] = {}
    for entry in own.get("defaults", []):
        if isinstance(entry, str) and entry != "_self_":
            found = _over(found, _whole(path.with_stem(entry)))
    return _over(found, own)


def _over(under: dict[str, Any], values: dict[str, Any]) -> dict[str, Any]:
    nested = {
        key: _over(under[key], value)
        for key, value in values.items()
        if isinstance(value, dict) and isinstance(under.get(key), dict)
    }
    return {**under, **values, **nested}


def _header(text: str) -> str:
    """The comment at the top of a file as Markdown: what is indented is typed, a table shown."""
    found: list[str] = []
    for line in text.split("\n"):
        if line.startswith("# @package"):
            continue
        if not line.startswith("#"):
            break
        found.append(line[2:])
    lines: list[str] = []
    for kind, group in groupby(found, _kind):
        shown = [f"  {said}" if kind == "typed" else said for said in group]
        lines += ["```text", *shown, "```"] if kind == "aligned" else shown
    return "\n".join(lines)


def _kind(said: str) -> str:
    if said.startswith("  "):
        return "typed"
    return "aligned" if re.search(r"\S {3,}\S", said) else ""


def _starts_from(text: str, group: str) -> Iterator[str]:
    for entry in (yaml.safe_load(text) or {}).get("defaults", []):
        if isinstance(entry, str):
            if entry != "_self_":
                yield f"`{group}={entry}`"
        else:
            for key, value in entry.items():
                yield f"`{key.removeprefix('override ').lstrip('/')}={value}`"


def _table(text: str, prefix: str, whole: dict[str, Any]) -> list[str]:
    """The keys of a YAML file: its values, of which types, and what its comments say.

    Args:
        text: The file.
        prefix: Of its keys in the config.
        whole: Its values, with those that it starts from.
    """
    values = yaml.safe_load(text) or {}
    rows = []
    for _, key, comment in keys(text.split("\n")):
        value = _at(values, key)
        if key.split(".")[0] in ("defaults", "hydra") or (isinstance(value, dict) and value):
            continue
        parent, _, name = key.rpartition(".")
        target = _at(whole, f"{parent}._target_".lstrip("."))
        of_all = not parent or (not prefix and "." not in parent)
        if name in ("_partial_", "_recursive_") or (name == "_target_" and of_all):
            continue
        meaning = comment or _documented(target).get(name, "")
        cells = [
            f"`{prefix}{key}`",
            _type(target, name, value),
            f"`{_as_typed(value)}`",
            html.escape(meaning, quote=False),
        ]
        rows.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    head = ["| key | type | default | meaning |", "| --- | --- | --- | --- |"]
    return [*head, *rows] if rows else []


def _at(values: Any, key: str) -> Any:
    for name in key.split("."):
        values = values.get(name) if isinstance(values, dict) else None
    return values


def _type(target: Any, name: str, value: Any) -> str:
    if name == "_target_":
        return "class"
    # The name space that Hydra wants plugins to be in is no package.
    known = str(target or "").removeprefix("hydra_plugins.")
    words = argument_in_words(known, name) if known else ""
    by_value = {bool: "true or false", int: "a whole number", float: "a number", list: "a list"}
    return words or by_value.get(type(value), "a text" if isinstance(value, str) else "")


def _documented(target: Any) -> dict[str, str]:
    """What the docstring of one of this package's classes says of its arguments."""
    if not str(target).startswith("autoencoder."):
        return {}
    args = (inspect.getdoc(resolve_name(target)) or "").partition("Args:\n")[2].partition("\n\n")[0]
    said = re.findall(r"^    (\w+): (.*(?:\n {8}.*)*)", args, re.M)
    return {name: " ".join(text.split()).rstrip(".") for name, text in said}


def _as_typed(value: Any) -> str:
    """A value as it stands on a command line."""
    if isinstance(value, list):
        return f"[{','.join(map(_as_typed, value))}]"
    if isinstance(value, dict):
        return f"{{{','.join(f'{key}: {_as_typed(one)}' for key, one in value.items())}}}"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return str(value) or "''"


def _formula(found: re.Match[str]) -> str:
    display = "block" if found[1] == "div" else "inline"
    return str(convert(html.unescape(found[2]).strip(), display=display))
