"""Checks of a config before anything is built or written: types, ranges, processes.

What a value may be is read where it is used, in the annotations of what `_target_` names; what
annotations don't say is in a table here.
"""

import inspect
import math
import os
import types
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from pkgutil import resolve_name
from typing import Any, Literal, NamedTuple, Union, get_args, get_origin, get_type_hints

import torch
from omegaconf import DictConfig

from autoencoder.commandline.configs import choices
from autoencoder.experiment import slurm
from autoencoder.experiment.build import ConfigError
from autoencoder.experiment.compiled import MODES
from autoencoder.runs.identity import resolved
from autoencoder.runs.machine import cores


def check(cfg: DictConfig) -> None:
    """Looks at every value of a config whose `_target_`s are trusted: it imports them.

    Raises:
        ConfigError: At the first that can't be used; the text says what can.
    """
    values = resolved(cfg)
    if values.get("pairs") is not None:
        raise ConfigError("pairs: several runs are a sweep, which takes -m")
    for group in _GROUPS:
        if not isinstance(values.get(group), dict):
            raise ConfigError(f"{group} is missing; it can be {', '.join(choices(group))}")
    for key, allowed in _RANGES.items():
        group, _, name = key.rpartition(".")
        value = (values[group] if group else values).get(name)
        if not (value is None and key in _MAY_BE_NULL) and not allowed.holds(value):
            raise ConfigError(f"{key} must be {allowed.meaning}, got {_as_typed(value)}")
    for group, node in values.items():
        for problem in _problems(group, node):
            raise ConfigError(problem)
    _check_processes(values["trainer"])


def check_arguments(prefix: str, values: Mapping[str, Any], function: Callable[..., Any]) -> None:
    """Holds values against the annotations of what they are passed to.

    Raises:
        ConfigError: At the first that is of another type.
    """
    for problem in _wrong_arguments(prefix, values, function):
        raise ConfigError(problem)


def argument_in_words(target: str, name: str) -> str:
    """What the annotation of an argument allows, in words; empty where it says nothing of them."""
    parameters, _ = _parameters(resolve_name(target))
    return _in_words(parameters[name][0]) if name in parameters else ""


class _Range(NamedTuple):
    meaning: str
    holds: Callable[[Any], bool]


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


_COUNT = _Range("a whole number >= 1", lambda value: _is_whole(value) and value >= 1)
_COUNT_OR_ENDLESS = _Range(
    "a whole number >= 1, or -1 for no limit", lambda value: value == -1 or _COUNT.holds(value)
)
_SHARE = _Range(
    "a share in (0, 1] or a number of batches >= 1, as in 0.1 or 20",
    lambda value: _COUNT.holds(value) or (isinstance(value, float) and 0 < value <= 1),
)
_POSITIVE = _Range("a number > 0", lambda value: _is_number(value) and 0 < value < math.inf)
_FLAG = _Range("true or false", lambda value: isinstance(value, bool))
_GROUPS = (
    "data", "noise", "optimizer", "scheduler", "model", "trainer", "callbacks", "logger",
)  # fmt: skip
_RANGES = {
    "overwrite": _FLAG,
    "fail_fast": _FLAG,
    "report": _FLAG,
    "trust": _Range(
        "a list of packages, as in [mypackage]",
        lambda value: isinstance(value, str | list) and all(isinstance(v, str) for v in value),
    ),
    "seed": _Range(
        "a whole number from 0 to 4294967295", lambda value: _is_whole(value) and 0 <= value < 2**32
    ),
    "threads": _Range("auto or a whole number >= 1", lambda v: v == "auto" or _COUNT.holds(v)),
    "compile": _Range("none, default or reduce-overhead", lambda v: v in ("none", *MODES)),
    "optimizer.lr": _POSITIVE,
    "trainer.max_epochs": _COUNT_OR_ENDLESS,
    "trainer.max_steps": _COUNT_OR_ENDLESS,
    "trainer.limit_train_batches": _SHARE,
    "trainer.limit_val_batches": _SHARE,
    "trainer.limit_test_batches": _SHARE,
    "trainer.check_val_every_n_epoch": _COUNT,
    "trainer.log_every_n_steps": _COUNT,
    "trainer.accumulate_grad_batches": _COUNT,
    "trainer.gradient_clip_val": _POSITIVE,
    "trainer.num_nodes": _COUNT,
}
_MAY_BE_NULL = ("trust", "trainer.max_epochs", "trainer.gradient_clip_val")


def _problems(prefix: str, node: Any) -> Iterator[str]:
    """What is wrong with the arguments of each `_target_` in a node of the config."""
    if not isinstance(node, dict):
        return
    for key, value in node.items():
        yield from _problems(f"{prefix}.{key}", value)
    if "_target_" in node:
        values = {key: value for key, value in node.items() if not key.startswith("_")}
        try:
            function = resolve_name(node["_target_"])
        except (ImportError, AttributeError, ValueError) as error:
            yield f"{prefix}._target_={node['_target_']}: {error}"
        else:
            yield from _wrong_arguments(prefix, values, function)


def _wrong_arguments(
    prefix: str, values: Mapping[str, Any], function: Callable[..., Any]
) -> Iterator[str]:
    parameters, takes_all = _parameters(function)
    for name, value in values.items():
        key = f"{prefix}.{name}" if prefix else name
        if name not in parameters:
            if not takes_all:
                yield f"{key}: {getattr(function, '__name__', function)} takes no {name}"
            continue
        hint, default = parameters[name]
        if not (_fits(value, hint) or value == default):
            group = key.replace(".", "/")
            known = choices(group)
            instead = f"; write {group}=NAME, one of {', '.join(known)}" if known else ""
            meaning = "one of its choices" if known else _in_words(hint)
            yield f"{key} must be {meaning}, got {_as_typed(value)}{instead}"


def _parameters(function: Callable[..., Any]) -> tuple[dict[str, tuple[Any, Any]], bool]:
    """Annotation and default of each parameter; and whether there may be any other.

    What a class passes on to its base in `**kwargs` is a parameter of it as well.
    """
    found: dict[str, tuple[Any, Any]] = {}
    layers = [function]
    if isinstance(function, type):
        layers = [vars(base)["__init__"] for base in function.__mro__ if "__init__" in vars(base)]
    for layer in layers:
        parameters = inspect.signature(layer).parameters.values()
        try:
            hints = get_type_hints(layer)
        except NameError:  # annotations that only a type checker can read
            hints = {}
        own = {one.name: (hints.get(one.name, Any), one.default) for one in parameters}
        found = own | found
        if not any(one.kind is one.VAR_KEYWORD for one in parameters):
            return found, False
    return found, True


def _fits(value: Any, hint: Any) -> bool:
    """Whether a plain value is of an annotated type; what is no plain type fits no plain value."""
    origin, parts = get_origin(hint), get_args(hint)
    if hint is Any or (isinstance(value, dict) and "_target_" in value):
        return True  # what is built of it is not known here
    if origin in (Union, types.UnionType):
        return any(_fits(value, part) for part in parts)
    if origin is Literal:
        return value in parts
    if hint in (None, type(None)):
        return value is None
    kind = origin or hint
    if kind is int:
        return _is_whole(value)
    if kind is float:
        return _is_number(value)
    if kind in (bool, str, dict):
        return isinstance(value, kind)
    if kind is Path:
        return isinstance(value, str)
    if isinstance(value, list) and isinstance(kind, type) and issubclass(kind, Iterable):
        if kind is tuple and parts[-1:] != (Ellipsis,):
            return len(value) == len(parts) and all(map(_fits, value, parts))
        return kind is not str and all(_fits(item, parts[0]) for item in value if parts)
    return False


def _in_words(hint: Any) -> str:
    return " or ".join(dict.fromkeys(_alternatives(hint)))


def _alternatives(hint: Any) -> Iterator[str]:
    origin, parts = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        for part in parts:
            if not (part is int and float in parts):  # a whole number is a number as well
                yield from _alternatives(part)
    elif origin is Literal:
        yield from map(str, parts)
    elif origin in (list, tuple, Sequence, Iterable):
        yield f"a list, as in {_LISTS.get(parts[0], '[a,b]') if parts else '[a,b]'}"
    elif hint in _WORDS:
        yield _WORDS[hint]


_WORDS = {
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    str: "a text",
    dict: "a mapping",
    type(None): "null",
}
_LISTS: dict[Any, str] = {int: "[16,32]", float: "[0.1,0.2]", float | torch.Tensor: "[0.9,0.99]"}


def _as_typed(value: Any) -> str:
    """A value as a person writes it on the command line."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return str(value) or "nothing"


def _check_processes(flags: Mapping[str, Any]) -> None:
    """Keeps a typing error from starting more processes than the machine can bear."""
    if flags["accelerator"] in ("gpu", "cuda") and not torch.accelerator.is_available():
        raise ConfigError(
            f"trainer.accelerator={flags['accelerator']}: this machine has no GPU that torch can "
            "use; trainer=cpu trains without, trainer=default with one where there is one"
        )
    if slurm.n_tasks() > 1 or "TORCHELASTIC_RUN_ID" in os.environ:
        return  # they have been started
    if flags["num_nodes"] > 1:
        raise ConfigError(
            f"trainer.num_nodes={flags['num_nodes']}: this is one machine; Slurm starts a run on "
            "several, by hydra/launcher=slurm or srun"
        )
    on_cpu = flags["accelerator"] == "cpu" or not torch.cuda.is_available()
    # Two in any case: that distributed training works can be tried on one core.
    most = max(2, cores()) if on_cpu else torch.cuda.device_count()
    devices = flags["devices"]
    wanted = len(devices) if isinstance(devices, list) else devices
    if str(wanted).isdecimal() and int(wanted) > most:
        there = f"{cores()} cores" if on_cpu else f"{most} GPUs"
        raise ConfigError(
            f"trainer.devices={_as_typed(devices)}: each is a process, and this machine has "
            f"{there}; use trainer.devices={most} at most"
        )
