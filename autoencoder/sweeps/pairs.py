"""Pairs: values of a sweep that go together, where a grid would train each with each.

Imports neither torch nor Lightning, as Hydra loads it before it runs anything.
"""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]  # its types are a package of their own
from hydra.core.config_loader import ConfigLoader
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException
from omegaconf import ListConfig, OmegaConf

from autoencoder import AutoencoderError

KEY = "pairs"


class PairsError(AutoencoderError):
    """Pairs that can't be read, or don't fit what else is swept; the text says why."""


def jobs(
    lines: Sequence[str], pairs: Any, config_loader: ConfigLoader | None = None
) -> list[list[str]]:
    """The overrides of each run of a sweep.

    Args:
        lines: The overrides of the sweep; those of several values are crossed, each with each.
        pairs: What goes together instead: the keys, a list of texts; or the values of each run, a
            list of mappings, or the path of a YAML file that holds one; None for nothing.
        config_loader: Hydra's, which knows the choices of a group, for `model=glob(*)`.

    Raises:
        PairsError: If pairs can't be read, name a key that is given no several values, are not of
            one length, set a key that is set elsewhere as well, or make the same run twice.
    """
    if isinstance(pairs, ListConfig):
        pairs = OmegaConf.to_container(pairs)
    overrides = {
        o.get_key_element(): o for o in _parsed(lines, config_loader) if o.get_key_element() != KEY
    }
    if pairs is None:
        return [list(job) for job in _crossed(overrides)]
    if _is_list_of(pairs, str):
        rows = _together(pairs, overrides)
        overrides = {key: override for key, override in overrides.items() if key not in pairs}
    else:
        rows = [row for values in _mappings(pairs) for row in _apart(values, overrides)]
    found = [[*row, *job] for row in rows for job in _crossed(overrides)]
    for job in found:
        if found.count(job) > 1:
            raise PairsError(f"pairs: {' '.join(job)} stands twice")
    return found


def _parsed(lines: Sequence[str], config_loader: ConfigLoader | None = None) -> list[Override]:
    try:
        return OverridesParser.create(config_loader).parse_overrides(list(lines))
    except HydraException as error:
        raise PairsError(str(error).partition("\nSee http")[0]) from error


def _is_list_of(pairs: Any, kind: type) -> bool:
    return isinstance(pairs, list) and bool(pairs) and all(isinstance(one, kind) for one in pairs)


def _together(names: Sequence[str], overrides: Mapping[str, Override]) -> list[tuple[str, ...]]:
    """The first values of all these keys, then the second ones, and so on."""
    for name in names:
        if name not in overrides or not overrides[name].is_sweep_override():
            raise PairsError(f"pairs: {name} has no several values; they are written {name}=A,B")
    columns = {name: _values(overrides[name]) for name in names}
    if len({len(column) for column in columns.values()}) > 1:
        lengths = ", ".join(f"{name} has {len(column)} values" for name, column in columns.items())
        raise PairsError(f"pairs: values go together one by one, but {lengths}")
    return list(zip(*columns.values(), strict=True))


def _mappings(pairs: Any) -> list[dict[str, Any]]:
    where = KEY
    if isinstance(pairs, str):
        where = f"pairs={pairs}"
        try:
            pairs = yaml.safe_load(Path(pairs).read_text(encoding="utf-8"))
        except OSError as error:
            raise PairsError(f"{where}: {error.strerror}") from error
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            raise PairsError(f"{where} can't be read: {error}") from error
    if not _is_list_of(pairs, dict):
        raise PairsError(
            f"{where}: not a list of mappings, one a run, as in "
            "[{model: baseline, seed: 0}, {model: vae, seed: 1}]"
        )
    return list(pairs)


def _apart(values: Mapping[str, Any], others: Mapping[str, Override]) -> Iterator[tuple[str, ...]]:
    """The runs of a mapping: one, or more where a value is a text with several."""
    lines = [
        # A text is as it is on a command line.
        f"{key}={value if isinstance(value, str) else Override._get_value_element_as_str(value)}"
        for key, value in values.items()
    ]
    own = {o.get_key_element(): o for o in _parsed(lines)}
    for key in own:
        if key in others:
            raise PairsError(f"pairs: {key} is set by {others[key].input_line} as well")
    return _crossed(own)


def _crossed(overrides: Mapping[str, Override]) -> Iterator[tuple[str, ...]]:
    return itertools.product(*map(_values, overrides.values()))


def _values(override: Override) -> list[str]:
    """An override for each of its values."""
    key = override.get_key_element()
    if not override.is_sweep_override():
        return [f"{key}={override.get_value_element_as_str()}"]
    if not override.is_discrete_sweep():
        raise PairsError(f"{override.input_line}: only a search can, hydra/sweeper=optuna")
    return [f"{key}={value}" for value in override.sweep_string_iterator()]
