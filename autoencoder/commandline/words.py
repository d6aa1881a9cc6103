"""The words of a command line, put into the order and the form that Hydra reads."""

import re
import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path

from hydra._internal.utils import get_args_parser
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import QuotedString, Sweep
from hydra.errors import HydraException

from autoencoder import AutoencoderError
from autoencoder.commandline.configs import choices

# A key whose value is a text, whatever it looks like; other signs are those of lists, or quotes.
_TEXT = re.compile(r"(name|run|out|data[._]root)=(?P<value>[^\\'\"()\[\]{},$]+)")
_KEYS = re.compile(r"[\w./@]+")
_MULTIRUN = {"-m", "--multirun", "hydra.mode=MULTIRUN"}
# Groups of which several choices hold at once: their files add up.
_SEVERAL = ("logger", "prior")


class WordsError(AutoencoderError):
    """Words that are no flags and no `key=value`; the text says what to type."""


def ordered(words: Sequence[str]) -> list[str]:
    """The same words with all flags behind all overrides: argparse takes them on one side only.

    Raises:
        WordsError: If an override is none, or can't be meant.
    """
    flags, overrides = [], []
    known = {name: one for one in get_args_parser()._actions for name in one.option_strings}
    left = list(words)
    while left:
        word = left.pop(0)
        if not word.startswith("-"):
            overrides.append(word)
            continue
        flags.append(word)
        action = known.get(word.partition("=")[0])
        if action is None:
            key = word.strip("-").partition("=")[0]
            raise WordsError(
                f"{word}: no such flag; values are set as {key}=VALUE, flags are in --hydra-help"
            )
        # The value of --info may be missing.
        takes_value = action.nargs is None or (left and left[0] in (action.choices or ()))
        if takes_value and left and "=" not in word:
            flags.append(left.pop(0))
    overrides = [_quoted_text(word) for word in overrides]
    _check(overrides)
    return [*overrides, *flags]


def left_to_runs(words: Sequence[str], error: str) -> list[str] | None:
    """The words of a sweep with one value set in its runs alone; None if that is no remedy.

    Hydra composes a config for the sweep itself, without what is swept: `model.latent_dim` is
    unknown there, when it is `model=dense,residual` that brings it. A sweep of one value is not.

    Args:
        words: Flags and overrides.
        error: What Hydra said of a key that it doesn't know.
    """
    unknown = re.match(r"Could not override '(.+?)'", error)
    if unknown is None or not _MULTIRUN & set(words):
        return None
    for position, word in enumerate(words):
        key, is_set, value = word.partition("=")
        is_it = key.partition("@")[0].replace("/", ".") == unknown[1].replace("/", ".")
        if is_it and is_set and not value.startswith("choice("):
            return [*words[:position], f"{key}=choice({value})", *words[position + 1 :]]
    return None


def _quoted_text(word: str) -> str:
    """A name or a path that Hydra would read as something else, or not at all, in quotes."""
    text = _TEXT.fullmatch(word)
    if text is None or text["value"] == "null":
        return word
    try:
        read = OverridesParser.create().parse_override(word).value()
    except HydraException:
        read = None
    return word if read == text["value"] else f"{text[1]}='{text['value']}'"


def _check(overrides: Sequence[str]) -> None:
    for word in overrides:
        torn = "=" not in word and not word.startswith("~")
        torn = torn or word.startswith("=") or word.count("[") != word.count("]")
        if torn:
            raise WordsError(f"{word}: not a key=value; write it {_mended(overrides, word)}")
        _check_group(word)
    # Of values that go together, one may stand beside several others.
    paired = {key for word in overrides if word.startswith("pairs=") for key in _KEYS.findall(word)}
    for key, values in _sweeps(overrides):
        from autoencoder.runs.identity import PLACE  # of a sweep alone

        if key == "logger":
            raise WordsError(
                f"{key}={','.join(values)}: a run is the same whatever it is logged to; for all of "
                f"them at once write {key}=[{','.join(values)}]"
            )
        if key in PLACE:
            raise WordsError(
                f"{key}={','.join(values)}: a sweep has one {key}, and names the folders of its "
                "runs by what they vary"
            )
        twice = {value for value in values if values.count(value) > 1}
        if twice and key not in paired:
            raise WordsError(f"{key}={','.join(values)}: {', '.join(sorted(twice))} stands twice")


def _check_group(word: str) -> None:
    """Refuses what is no choice of a config group, where Hydra would say something else of it."""
    key, _, value = word.partition("=")
    group = key.lstrip("+")
    if "/" in key and "." in key:
        raise WordsError(f"{word}: write it {key.replace('/', '.')}={value}")
    if not choices(group):
        return
    if key != group:
        raise WordsError(f"{word}: it is there already; write it {group}={value}")
    try:
        read = OverridesParser.create().parse_override(word).value()
    except HydraException:
        return  # of which more is said elsewhere
    if isinstance(read, list) and group in _SEVERAL:
        return
    if isinstance(read, list):
        listed = ",".join(map(str, read))
        raise WordsError(
            f"{word}: one choice of {group}, or a sweep over several: -m {group}={listed}"
        )
    if not isinstance(read, str | QuotedString | Sweep | None):
        raise WordsError(f"{word}: no such choice\n{group} can be {', '.join(choices(group))}")


def _mended(overrides: Sequence[str], word: str) -> str:
    """What was meant by words that a shell has taken apart."""
    if Path(word).exists() and overrides == [word]:
        return f"run={word}"
    if re.fullmatch(r"[\w./]+:[^=\s]+", word):
        return word.replace(":", "=", 1)
    text = re.sub(r"\s*=\s*", "=", " ".join(overrides))
    text = re.sub(r"(?<=[\[,])\s+|\s+(?=[\],])", "", text)
    meant = [part for part in text.split() if word.strip("=") in part]
    if word == "=" or not meant or "=" not in meant[0]:
        return "without spaces, as in model=vae or model.channels=[16,32]"
    missing = meant[0].count("[") - meant[0].count("]")
    return shlex.quote(meant[0] + "]" * missing).strip("'")


def _sweeps(overrides: Sequence[str]) -> Iterator[tuple[str, list[str]]]:
    """Each override of several values: its key, and the values as texts."""
    parser = OverridesParser.create()
    for word in overrides:
        try:
            override = parser.parse_override(word)
        except HydraException:
            key, _, value = word.partition("=")
            if re.search(r",\w+=", value):
                raise WordsError(
                    f"{word}: can't be read; each value is a word of its own, as in "
                    "noise=gaussian noise.std=0.3"
                ) from None
            raise WordsError(
                f"{word}: can't be read; a list is {key}=[a,b], and a text with special characters "
                f"is quoted twice, as in '{key}=\"{value}\"'"
            ) from None
        if override.is_choice_sweep():
            yield override.get_key_element(), list(override.sweep_string_iterator())
