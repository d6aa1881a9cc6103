"""A run on disk: its directory, its identity, its checkpoints, and what it was trained with.

Everything that a finished run says is read here, without this package's networks. What trains a
run is in `experiment`, what measures one in `report`. Only `checkpoints` imports torch.
"""

from autoencoder.runs.directory import (
    BEST,
    CONFIG,
    ENVIRONMENT,
    ERROR,
    HISTORY,
    HYDRA,
    LAST,
    LOG,
    METRICS,
    OVERRIDES,
    PRUNED,
    WEIGHTS,
    FoundRuns,
    RunError,
    checkpoint,
    find_runs,
    is_pruned,
    read_choices,
    read_config,
    read_environment,
    read_history,
    read_metrics,
    read_overrides,
    write_metrics,
)
from autoencoder.runs.start import RunConflictError, finished, locked, start

__all__ = [
    "BEST",
    "CONFIG",
    "ENVIRONMENT",
    "ERROR",
    "HISTORY",
    "HYDRA",
    "LAST",
    "LOG",
    "METRICS",
    "OVERRIDES",
    "PRUNED",
    "WEIGHTS",
    "FoundRuns",
    "RunConflictError",
    "RunError",
    "checkpoint",
    "find_runs",
    "finished",
    "is_pruned",
    "locked",
    "read_choices",
    "read_config",
    "read_environment",
    "read_history",
    "read_metrics",
    "read_overrides",
    "start",
    "write_metrics",
]
