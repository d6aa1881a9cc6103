"""The doubts of a report: what a reader should know before trusting a difference."""

import math
from collections.abc import Iterator, Sequence

from autoencoder.report.phrases import listed, quoted
from autoencoder.report.write.recipes import not_alike
from autoencoder.report.write.rows import Row

# Errors that differ by a larger share than this were not measured on the same network or images.
_DRIFT = 0.01


def doubts(rows: Sequence[Row]) -> Iterator[str]:
    """What a reader should know before trusting a difference."""
    runs = [run for row in rows for run in row.evaluations]
    seeds = {len(row.evaluations) for row in rows}
    if seeds == {1} and len(rows) > 1:
        yield "Every row is one run: how far its numbers vary from seed to seed is not known."
    elif 1 in seeds and len(seeds) > 1:
        alone = [quoted(row.group) for row in rows if len(row.evaluations) == 1]
        yield f"Only one run, so without a spread: {listed(alone)}."
    if (warning := not_alike(rows)) is not None:
        yield warning
    for run in runs:
        told, found = run.metrics.get("test/mse", math.nan), run.columns["mse"]
        if abs(told - found) > _DRIFT * found:
            yield (
                f"Doubtful: {run.label} was tested with an MSE of {told:.3g} when it was trained, "
                f"but has {found:.3g} here."
            )
    judges = {(run.data_key, run.generation.get("classifier", "")) for run in runs}
    if len(judges) > len({key for key, _ in judges}):
        yield (
            "Doubtful: not all generated images were judged by the same classifier, as runs were "
            "measured on different machines. Without their folders `cache`, all are measured again."
        )
