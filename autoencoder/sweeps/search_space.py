"""The space of a search: what each sweep of Hydra's override grammar means to Optuna."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hydra.core.override_parser.types import (
    ChoiceSweep,
    IntervalSweep,
    Override,
    RangeSweep,
    Transformer,
)
from hydra.errors import CompactHydraException

from autoencoder import AutoencoderError

if TYPE_CHECKING:
    # Optuna is optional, and a program that only asks for --help should not wait for it.
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    Distribution = CategoricalDistribution | FloatDistribution | IntDistribution


class SearchError(AutoencoderError, CompactHydraException):
    """A search that cannot be run as it was asked for."""


def distribution(override: Override) -> Distribution:
    """The Optuna distribution that a sweep of Hydra's override grammar stands for.

    Raises:
        SearchError: If there is none, or it would be empty.
    """
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    sweep = override.value()
    try:
        if isinstance(sweep, ChoiceSweep):
            # Numbers stay numbers. Optuna cannot hold the rest (lists, mappings), so it gets what
            # would be typed.
            return CategoricalDistribution(
                [v if isinstance(v, int | float) else Transformer.str(v) for v in sweep.list]
            )
        if isinstance(sweep, IntervalSweep):
            low, high, is_log = sweep.start, sweep.end, "log" in sweep.tags
            if isinstance(low, int) and isinstance(high, int):
                return IntDistribution(low, high, log=is_log)
            assert low is not None
            assert high is not None
            return FloatDistribution(low, high, log=is_log)
        if isinstance(sweep, RangeSweep):
            values, is_log = list(sweep.range()), "log" in sweep.tags
            if not values:
                raise ValueError("the range is empty")
            if isinstance(values[0], int):
                step = abs(int(sweep.step))
                return IntDistribution(min(values), max(values), step=step, log=is_log)
            return FloatDistribution(
                min(values), max(values), step=abs(float(sweep.step)), log=is_log
            )
    except ValueError as error:
        raise SearchError(f"Optuna cannot search {override.input_line}: {error}") from error
    raise SearchError(
        f"Optuna cannot search {override.input_line}: name the choices, "
        f"{override.get_key_element()}=a,b."
    )


def rounded(value: Any, distribution: Distribution) -> Any:
    """A value as it is typed: steps of .1 give .30000000000000004, no name for a directory."""
    return round(value, 12) if isinstance(getattr(distribution, "step", None), float) else value
