"""The meaning of each value of a config: the comments in the YAML files that it is made of."""

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import yaml  # type: ignore[import-untyped]  # its types are a package of their own

from autoencoder.commandline.configs import CONF_DIR

# In C where it is there, which takes a tenth of the time.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_LINE = re.compile(r"^(?P<indent> *)(?P<key>[\w.]+):(?:.*?\s# ?(?P<comment>.*))?")


def annotated(text: str, config_name: str, words: Sequence[str]) -> str:
    """A text with a config in YAML, its values with the comments that they have in the files.

    Args:
        text: As `--help` prints it.
        config_name: The file in `conf/`.
        words: Those of the command line, which choose from the config groups.
    """
    folders = [CONF_DIR]
    for flag, value in pairwise(words):
        if flag in ("--config-dir", "-cd"):
            folders.append(Path(value))
    told = dict(word.split("=", 1) for word in words if "=" in word)
    comments = _comments(folders, "", config_name, told)
    lines = text.split("\n")
    for number, key, comment in keys(lines):
        if not comment and key in comments:
            lines[number] += f"  # {comments[key]}"
    return "\n".join(lines)


def _comments(
    folders: Sequence[Path], group: str, choice: str, told: dict[str, str]
) -> dict[str, str]:
    """The comments of a file and of those in its defaults list, by dotted key; later ones win."""
    paths = [folder / group / f"{choice}.yaml" for folder in folders]
    text = next((path.read_text() for path in paths if path.exists()), "")
    found: dict[str, str] = {}
    for entry in (yaml.load(text, _LOADER) or {}).get("defaults", []):
        if isinstance(entry, str):
            pairs = [(group, entry)] if entry != "_self_" else []
        else:
            names = ((key.removeprefix("override ").lstrip("/"), entry[key]) for key in entry)
            pairs = [(name, told.get(name, value)) for name, value in names]
        for name, value in pairs:
            found |= _comments(folders, name, value, told)
    package = "" if "@package _global_" in text else f"{group.replace('/', '.')}."
    own = keys(text.split("\n"))
    return found | {f"{package}{key}".lstrip("."): comment for _, key, comment in own if comment}


def keys(lines: Sequence[str]) -> Iterator[tuple[int, str, str]]:
    """Of each line of YAML that sets a key: its number, the dotted key, and the comment."""
    above: list[tuple[int, str]] = []
    for number, line in enumerate(lines):
        if match := _LINE.match(line):
            indent = len(match["indent"])
            above = [*(pair for pair in above if pair[0] < indent), (indent, match["key"])]
            yield number, ".".join(key for _, key in above), match["comment"] or ""
