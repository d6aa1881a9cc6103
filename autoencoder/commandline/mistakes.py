"""Mistakes on the command line: what is wrong, and what to type instead."""

import difflib
import errno
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.errors import HydraException, MissingConfigException
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from autoencoder import AutoencoderError
from autoencoder.commandline.configs import CONF_DIR, choices
from autoencoder.runs.identity import flatten

# Of a file or a folder that can't be written, where the text of the error says it all.
_OF_THE_PLACE = {
    errno.EACCES, errno.EDQUOT, errno.EEXIST, errno.ELOOP, errno.ENAMETOOLONG, errno.ENOENT,
    errno.ENOSPC, errno.ENOTDIR, errno.EPERM, errno.EROFS,
}  # fmt: skip


def explain(error: Exception) -> str | None:
    """What is wrong and what to type instead; None for an error that needs its traceback."""
    if isinstance(error, AutoencoderError):
        return str(error)
    if isinstance(error, OSError) and error.errno in _OF_THE_PLACE:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    if isinstance(error, MissingConfigException):
        group, _, choice = str(error.missing_cfg_file).rpartition("/")
        # Of several choices in a list, it doesn't say what there is.
        if options := error.options or (group and choices(group)):
            return _no_choice(group, choice, options)
    if match := re.match(r"Could not override '(.+?)'", str(error)):
        return _no_key(match[1])
    if match := re.match(r"Ambiguous value for argument '(.+?)=(.*)'", str(error)):
        key, values = match.groups()
        a_list = "" if choices(key) else f"; a list is written {key}=[{values}]"
        return f"{key}={values}: several values are a sweep, which takes -m{a_list}"
    if match := re.match(r"Could not append to config. An item is already at '(.+?)'", str(error)):
        return f"+{match[1]}: it is there already; write {match[1]}=VALUE"
    if "Config group override must be a string or a list" in str(error):
        null = [word.partition("=")[0] for word in sys.argv[1:] if word.endswith(("=null", "="))]
        group = next((key for key in null if choices(key)), "a group")
        return _no_choice(group, "null", choices(group))
    if isinstance(error, HydraException | OmegaConfBaseException):
        # An error inside a constructor: what it said, and where in the config it was built.
        cause = error.__cause__
        if isinstance(_root(error), AutoencoderError):  # one of our resolvers
            return str(_root(error))
        if cause is not None and not isinstance(cause, OmegaConfBaseException):
            keys = re.findall(r"full_key: (\S+)", str(error))
            return f"{keys[-1]}: {cause}" if keys else str(cause)
        # The other lines are for who writes programs.
        return str(error).partition("\nSee http")[0].partition("\n    full_key")[0]
    # Lightning's, of what was asked of it; it isn't imported here.
    return str(error) if type(error).__name__ == "MisconfigurationException" else None


def _root(error: BaseException) -> BaseException:
    """The error that was there first."""
    before = error.__cause__ or error.__context__
    return _root(before) if before else error


def _no_choice(group: str, choice: str, options: Sequence[str]) -> str:
    meant = _similar(choice, options)
    return (
        f"{group}={choice}: no such choice{meant and f'; did you mean {meant}?'}\n"
        f"{group} can be {', '.join(options)}"
    )


def _no_key(key: str) -> str:
    """What to say of a key that the config, with what was chosen, hasn't got."""
    parts = key.replace("/", ".").split(".")
    for length in range(len(parts) - 1, 0, -1):
        group = "/".join(parts[:length])
        if owners := _owners(group, key):
            chosen = parts[length - 1]
            return f"{key}: not with this {chosen}; it goes with {group}={' or '.join(owners)}"
    meant = _similar(key, list(_known_keys()))
    hint = f"did you mean {meant}?" if meant else "see the keys with --cfg job"
    return f"{key}: no such key or config group; {hint}"


def _owners(group: str, key: str) -> list[str]:
    """Choices of a group that have a key which others of the group haven't got."""
    if not choices(group) or group.partition("/")[0] not in _groups():
        return []
    pattern = rf"^\s*-?\s*/?(?:{re.escape(key)}|{re.escape(key.rpartition('.')[2])}):"
    return [
        choice
        for choice in choices(group)
        if re.search(pattern, (CONF_DIR / group / f"{choice}.yaml").read_text(), re.MULTILINE)
    ]


def _similar(typed: str, known: Sequence[str]) -> str:
    """What of the known was meant, if anything was."""

    def last(key: str) -> str:
        return key.rpartition(".")[2].lower()

    def close(word: str, words: Sequence[str]) -> list[str]:
        return difflib.get_close_matches(word, words, n=3, cutoff=0.75)

    known = [key for key in known if not last(key).startswith("_")]
    # The right word in the wrong place, as channels for model.channels; then one of those at the
    # top, if it was to be one; then any that looks alike.
    words = [last(typed)] if last(typed) in map(last, known) else []
    if not words and "." not in typed:
        words = close(typed.lower(), [key.lower() for key in known if "." not in key])[:1]
    words = words or close(last(typed), [last(key) for key in known])
    meant = [key for key in known if last(key) in words]
    near = [key for key in meant if key.rpartition(".")[0] == typed.rpartition(".")[0]]
    return " or ".join(near or meant)


def _known_keys() -> Iterator[str]:
    """Config groups, then every key of the config with the groups that were chosen, dotted."""
    yield from _groups()
    pairs = (word.partition("=") for word in sys.argv[1:])
    chosen = [
        f"{key}={value}"
        for key, _, value in pairs
        if value in choices(key) and key.partition("/")[0] in _groups()
    ]
    GlobalHydra.instance().clear()
    with initialize_config_dir(str(CONF_DIR), version_base="1.3"):
        cfg = compose(_program(), chosen)
    for key, _ in flatten(OmegaConf.to_container(cfg)):
        yield key


def _groups() -> list[str]:
    """The config groups of the program that was typed; of nested ones the uppermost."""
    entries = OmegaConf.select(OmegaConf.load(CONF_DIR / f"{_program()}.yaml"), "defaults")
    # Of a group, an entry is a mapping to its choice; a text is another file.
    mappings = (entry for entry in entries if not isinstance(entry, str))
    return [*(key for entry in mappings for key in entry if "/" not in key), "hydra"]


def _program() -> str:
    """The config file of the program that was typed."""
    # A command of `autoencoder` is the last word of the program's name.
    name = re.split("[ -]", Path(sys.argv[0]).stem)[-1]
    return name if (CONF_DIR / f"{name}.yaml").is_file() else "train"
