"""Samples: what a model makes of latents that no image was encoded to."""

from collections.abc import Iterator, Sequence

import lightning as L
from lightning.pytorch.utilities import rank_zero_only

from autoencoder.analysis import gallery_blocks as blocks
from autoencoder.analysis import plotting
from autoencoder.analysis.gallery import STYLES, Gallery, class_grid, gallery, prior_samples
from autoencoder.analysis.plotting import ImageBlock
from autoencoder.callbacks.showing import add_grid, experiment, save_figure

_COLUMNS = 16


class Samples(L.Callback):
    """Shows what a model generates.

    After each validation of a model with a prior: images of the same latents from the prior in
    every epoch, in the trackers; for a conditional one a class a row, and in each column the same
    latent. After the test, as `figures/NAME.png` and in the trackers: `interpolation` between test
    images; and for models with a prior `samples`, `traversal` of the dimensions that vary most,
    `neighbours` of samples among the training images, `class_grid` of a conditional one and the
    `manifold` of two latent dimensions.

    Args:
        count: Samples in an epoch's grid, where there are no classes.
        scale: Screen pixels of an image's pixel in a tracker.
    """

    def __init__(self, count: int, scale: int) -> None:
        self.count = count
        self.scale = scale

    @rank_zero_only
    def on_validation_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Adds the grid of this epoch."""
        _, model = experiment(trainer, pl_module)
        if model.prior is None:
            return
        if model.num_classes:
            images, columns = class_grid(model, STYLES).flatten(0, 1), STYLES
        else:
            images, columns = prior_samples(model, self.count), _COLUMNS
        add_grid(trainer, "samples from the prior", images, columns, self.scale)

    @rank_zero_only
    def on_test_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Draws the figures."""
        data, model = experiment(trainer, pl_module)
        for name, cell, parts in _figures(gallery(model, data), data.classes):
            save_figure(trainer, name, plotting.image_blocks(parts, cell))


def _figures(
    of: Gallery, classes: Sequence[str]
) -> Iterator[tuple[str, float, Sequence[ImageBlock]]]:
    """Name, inches of an image, and what is in each figure that the model has."""
    if len(of.ends):
        title = "Between two test images"
        if of.is_conditional:
            title += " (the label changes after 1/2)"
        yield "interpolation", 0.6, blocks.interpolations(of, title, classes, len(of.ends))
    if not of.has_prior:
        return
    title = "Decoded from latents that are drawn from the prior"
    yield "samples", 0.55, [blocks.samples(of, title, 4), blocks.test_images(of)]
    title = "A latent of which one dimension is set to a value, in standard deviations of the prior"
    rows = blocks.traversals(of, "", len(of.traversals))
    yield "traversal", 0.7, [blocks.traversed(of, title), rows]
    title = "The samples nearest to a training image, and their MSE to it"
    yield "neighbours", 0.6, [blocks.neighbours(of, title)]
    if of.is_conditional:
        title = "A column is one latent from the prior, a row the label it is decoded with"
        yield "class_grid", 0.6, [blocks.class_grid(of, title, classes)]
    if len(of.manifold):
        given = f", decoded as {classes[0]}" if of.is_conditional else ""
        title = f"The two latent dimensions, at even quantiles of the prior{given}"
        yield "manifold", 0.5, [blocks.manifold(of, title)]
