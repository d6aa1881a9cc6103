"""What a report says of networks that were trained on some classes alone."""

import statistics
from collections.abc import Iterator, Sequence

from autoencoder.report.phrases import listed, quoted
from autoencoder.report.write.rows import Row

_CLASSES = "data.classes"
_FLOORS = "auroc_pca", "auroc_pca_near"
_SCORES = {
    "auroc_error": "by the reconstruction error",
    "auroc_latent": "by the Mahalanobis distance of the latent",
    "auroc_both": "by the sum of the two",
    "auroc_near": "by the weighted error and the nearest latents",
    "auroc_bound": "by the bound of the likelihood",
}


def told(rows: Sequence[Row]) -> Iterator[str]:
    """A sentence for each design, over the classes that it was trained on."""
    designs: dict[tuple[tuple[str, str], ...], list[Row]] = {}
    for row in rows:
        if row.has("auroc_error"):
            others = ((key, value) for key, value in row.differences.items() if key != _CLASSES)
            designs.setdefault((*others, ("noise", row.noise)), []).append(row)
    for design, of_design in designs.items():
        named = [value for key, value in design if key != "noise"]
        known = [name for name in _SCORES if all(row.has(name) for row in of_design)]
        means = {name: _mean(of_design, name) for name in (*known, *_FLOORS)}
        scores = (f"{_SCORES[name]} {means[name]:.3f}" for name in known)
        which = f" of {quoted(', '.join(named))}" if named else ""
        count = len(of_design)
        yield (
            f"Trained on {'a choice' if count == 1 else f'{count} choices'} of classes alone, an "
            f"image of another class is found stranger than one of these with a mean chance "
            f"(AUROC){which} of {listed(scores)}; PCA of 32 components, the floor, reaches "
            f"{means['auroc_pca']:.3f} by its error and {means['auroc_pca_near']:.3f} by its "
            f"weighted error and nearest codes."
        )


def _mean(rows: Sequence[Row], column: str) -> float:
    return statistics.fmean(row.mean(column) for row in rows)
