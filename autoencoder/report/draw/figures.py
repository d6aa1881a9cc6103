"""The figures of a report: evaluated runs in, pictures with captions out."""

import io
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from matplotlib.figure import Figure
from PIL import Image

from autoencoder.analysis.plotting import Chart, Heat, heat_map, line_plot
from autoencoder.report.draw import generated
from autoencoder.report.draw.curves import (
    latent_use,
    loss_curves,
    noise_robustness,
    rate_distortion,
)
from autoencoder.report.draw.groups import Drawing, Groups
from autoencoder.report.draw.pictures import class_errors, extremes, latent_maps, reconstructions
from autoencoder.report.measure.evaluation import Evaluation, Floors

_DPI = 130
# Name, title, and what draws it for the runs of one data set.
_OF_A_DATA_SET: tuple[tuple[str, str, Callable[[Groups], Iterable[Drawing]]], ...] = (
    ("reconstructions", "The same test images through every run", reconstructions),
    ("extremes", "Best, median and worst test images", extremes),
    ("class_errors", "Error by class", class_errors),
    ("rate_distortion", "Rate and distortion", rate_distortion),
    ("noise_robustness", "Robustness to noise", noise_robustness),
    ("latent_maps", "Maps of the latent", latent_maps),
    ("latent_use", "Use of the latent", latent_use),
    ("samples", "Samples", generated.samples),
    ("interpolation", "Interpolation between test images", generated.interpolation),
    ("traversals", "Latent traversals", generated.traversals),
    ("class_grid", "Every class in the same styles", generated.class_grids),
    ("manifold", "The two-dimensional latent", generated.manifolds),
    ("neighbours", "Samples and their nearest training images", generated.neighbours),
)


@dataclass(frozen=True, eq=False)
class FigureWithCaption:
    """A figure, and what to see in it.

    Attributes:
        name: Of its file, without the suffix.
        title: What it shows, in a few words.
        caption: What to see in it, in sentences; of a further page, only what is new.
        figure: The picture.
        page: 1, or more where it goes on with the figure before it.
        drawn_of: What a page that answers can draw it of; None where it is pictures.
    """

    name: str
    title: str
    caption: str
    figure: Figure
    page: int = 1
    drawn_of: Chart | Heat | None = None

    @cached_property
    def png(self) -> bytes:
        """The picture as a PNG file."""
        file = io.BytesIO()
        self.figure.savefig(file, dpi=_DPI, pil_kwargs={"optimize": True})
        return _small(file.getvalue())

    @cached_property
    def webp(self) -> bytes:
        """The same picture as a WebP file, which is smaller."""
        file = io.BytesIO()
        picture = Image.open(io.BytesIO(self.png)).convert("RGB")
        picture.save(file, "WEBP", lossless=True, method=2, quality=50)
        return file.getvalue()

    @property
    def said(self) -> str:
        """What a reader who can't see it is told: its title, and the last that its caption says."""
        finding = re.split(r"(?<=[.:]) (?=[A-Z\u201c])", self.caption)[-1]
        return f"{self.title}. {finding}".strip()

    @property
    def kind(self) -> str:
        """How a page that answers shows it: as a `chart`, a `heat`; a picture if empty."""
        return type(self.drawn_of).__name__.lower() if self.drawn_of is not None else ""

    @property
    def width(self) -> int:
        """Pixels of CSS at which its letters are as large as the page's."""
        return round(float(self.figure.get_size_inches()[0]) * 96)


def draw(
    evaluations: Sequence[Evaluation], floors: Mapping[str, Floors]
) -> list[FigureWithCaption]:
    """Draws the figures of a report.

    Args:
        evaluations: The runs, in the order of the report.
        floors: By data set; a data set may have none.
    """
    if not evaluations:
        return []
    groups = Groups.of(evaluations)
    names = _data_names(evaluations)
    figures = _pages("loss", "Loss during training", loss_curves(groups))
    for name, title, drawings in _OF_A_DATA_SET:
        for key, data in names.items():
            part = drawings(groups.on(key, floors.get(key)))
            if len(names) > 1:
                figures += _pages(f"{name}_{_file_name(data)}", f"{title}: {data}", part)
            else:
                figures += _pages(name, title, part)
    return figures


def _pages(name: str, title: str, drawings: Iterable[Drawing]) -> list[FigureWithCaption]:
    """Drawings as the pages of one figure."""
    pages = list(drawings)
    return [
        FigureWithCaption(
            name if page == 1 else f"{name}_{page}",
            title if len(pages) == 1 else f"{title} ({page} of {len(pages)})",
            caption.strip(),
            _figure(drawing),
            page,
            None if isinstance(drawing, Figure) else drawing,
        )
        for page, (drawing, caption) in enumerate(pages, start=1)
    ]


def _figure(drawing: Figure | Chart | Heat) -> Figure:
    if isinstance(drawing, Chart):
        return line_plot(**drawing._asdict())
    return heat_map(*drawing) if isinstance(drawing, Heat) else drawing


def _small(png: bytes) -> bytes:
    """The picture in one channel if it is grey, in 256 colours otherwise: a third of the bytes."""
    picture = Image.open(io.BytesIO(png)).convert("RGB")
    red, green, blue = picture.split()
    if red.tobytes() == green.tobytes() == blue.tobytes():
        small = red
    else:
        small = picture.quantize(256, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    file = io.BytesIO()
    small.save(file, "PNG", optimize=True)
    return file.getvalue()


def _data_names(evaluations: Sequence[Evaluation]) -> dict[str, str]:
    """A name of each data set by its key, numbered where two have the same."""
    names: dict[str, str] = {}
    for run in evaluations:
        if run.data_key not in names:
            name = run.data.get("name", "data")
            # The file system may not tell "A" from "a", nor do file names keep every letter.
            taken = {_file_name(other) for other in names.values()}
            choices = [name, *(f"{name} {n}" for n in range(2, len(taken) + 2))]
            names[run.data_key] = next(c for c in choices if _file_name(c) not in taken)
    return names


def _file_name(name: str) -> str:
    """The name in lower-case letters, digits and underscores."""
    return re.sub(r"\W+", "_", name.lower())
