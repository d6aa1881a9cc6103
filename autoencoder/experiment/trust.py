"""Trust: what the config of a run may build, which may be somebody else's.

Hydra calls whatever a `_target_` names, so a config is a program. One that comes with a run is
taken as data: it may name the classes of models and data, and what is in packages that the user
trusts.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import lightning as L
from hydra.errors import InstantiationException
from hydra.utils import get_object
from torch import nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from autoencoder import AutoencoderError

_PACKAGES = (
    "autoencoder.data", "autoencoder.models", "autoencoder.networks", "torch.nn", "torch.optim",
)  # fmt: skip
_KINDS = (nn.Module, L.LightningDataModule, Optimizer, LRScheduler)


class TrustError(AutoencoderError):
    """A config that would call what nobody has allowed."""


def check_targets(config: Any, trust: Sequence[str] = ()) -> None:
    """Refuses a config that names anything else than classes of models and data.

    Args:
        config: Plain values, without interpolations.
        trust: Packages or modules whose classes and functions are allowed as well.

    Raises:
        TrustError: If there is such a `_target_`, at any depth.
    """
    for key, target in _targets(config):
        if not _is_trusted(target, trust):
            raise TrustError(
                f"{key}: {target} is no class of this package's models or data, of torch.nn or "
                "torch.optim, and could do anything; if you trust its whole package, trust=[...]"
            )


def _targets(node: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    pairs: Any = enumerate(node) if isinstance(node, list) else ()
    for name, value in node.items() if isinstance(node, dict) else pairs:
        key = f"{prefix}.{name}" if prefix else str(name)
        if name == "_target_":
            yield key, value
        else:
            yield from _targets(value, key)


def _is_trusted(target: Any, trust: Sequence[str]) -> bool:
    # Names first: to look an object up imports its module.
    if not isinstance(target, str) or not _is_within(target, [*_PACKAGES, *trust]):
        return False
    try:
        found = get_object(target)
    except (ImportError, AttributeError, ValueError, InstantiationException):
        return False
    # Where it is defined, not how it is reached: modules hold what they import.
    home = getattr(found, "__module__", None) or ""
    if _is_within(home, trust):
        return True
    return _is_within(home, _PACKAGES) and isinstance(found, type) and issubclass(found, _KINDS)


def _is_within(name: str, packages: Sequence[str]) -> bool:
    return any(f"{name}.".startswith(f"{package}.") for package in packages)
