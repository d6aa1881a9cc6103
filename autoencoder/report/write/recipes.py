"""The recipes of training: what rows were trained with beside their design, where they differ."""

from collections.abc import Sequence
from typing import Any

from autoencoder.report.phrases import listed, quoted
from autoencoder.report.write.rows import Row
from autoencoder.runs.identity import flatten

_WORDS = {
    "optimizer": "optimizer",
    "scheduler": "scheduler",
    "trainer": "the number of epochs",
    "data": "the batch size",
}


def not_alike(rows: Sequence[Row]) -> str | None:
    """What rows of different recipes differ in, in one sentence; None where there is one recipe."""
    keys = _differing(rows)
    if not keys:
        return None
    names = list(dict.fromkeys(row.first.recipe for row in rows))
    who = f"the recipes {listed(names)}" if all(names) and len(names) > 1 else "runs"
    parts = dict.fromkeys(_WORDS[key.partition(".")[0]] for key in keys)
    return (
        f"Not trained alike: {who} differ in {listed(parts)}, so a difference between them may be "
        "that of the training. The protocol lists them."
    )


def recipes(rows: Sequence[Row]) -> str | None:
    """The recipes, each with its rows and the values that differ; None where there is one."""
    keys = _differing(rows)
    if not keys:
        return None
    found: dict[str, list[str]] = {}
    for row in rows:
        values = _values(row)
        told = ", ".join(f"{key} {values[key]}" for key in keys if key in values)
        recipe = f"by {row.first.recipe} ({told})" if row.first.recipe else f"with {told}"
        found.setdefault(recipe, []).append(quoted(row.group))
    return f"Not trained alike: {'; '.join(f'{listed(of)} {how}' for how, of in found.items())}."


def _differing(rows: Sequence[Row]) -> list[str]:
    every = [_values(row) for row in rows]
    keys = dict.fromkeys(key for values in every for key in values)
    differing = [key for key in keys if len({values.get(key) for values in every}) > 1]
    return sorted(differing, key=lambda key: list(_WORDS).index(key.partition(".")[0]))


def _values(row: Row) -> dict[str, str]:
    """What the run was trained with, by key; a class stands for its group."""
    config = row.first.config
    parts: dict[str, Any] = {
        part: config.get(part) or "none" for part in ("optimizer", "scheduler")
    }
    for part, key in (("trainer", "max_epochs"), ("data", "batch_size")):
        if key in (config.get(part) or {}):
            parts[part] = {key: config[part][key]}
    return {
        key.removesuffix("._target_"): str(value).rpartition(".")[2]
        if key.endswith("._target_")
        else str(value)
        for key, value in flatten(parts)
        if not key.endswith("._partial_")
    }
