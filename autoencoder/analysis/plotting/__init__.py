"""Pictures: functions that return a matplotlib Figure and touch no file."""

from autoencoder.analysis.plotting.heat import Heat, heat_map
from autoencoder.analysis.plotting.images import LARGEST_ERROR, Array, ImageBlock, image_blocks
from autoencoder.analysis.plotting.lines import Chart, Curve, line_plot, loss_curve, none_negative
from autoencoder.analysis.plotting.maps import MapPanel, latent_map, latent_maps
from autoencoder.analysis.plotting.style import (
    CLASS_COLORS,
    FLOOR_COLOR,
    RUN_COLORS,
    RUN_MARKERS,
    class_colors,
    run_style,
    shortened,
)

__all__ = [
    "CLASS_COLORS",
    "FLOOR_COLOR",
    "LARGEST_ERROR",
    "RUN_COLORS",
    "RUN_MARKERS",
    "Array",
    "Chart",
    "Curve",
    "Heat",
    "ImageBlock",
    "MapPanel",
    "class_colors",
    "heat_map",
    "image_blocks",
    "latent_map",
    "latent_maps",
    "line_plot",
    "loss_curve",
    "none_negative",
    "run_style",
    "shortened",
]
