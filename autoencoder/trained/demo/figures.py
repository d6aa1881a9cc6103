"""Images and words as HTML; every text is escaped, and every image is part of the page."""

import base64
from collections.abc import Sequence
from html import escape
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from autoencoder.trained.pixels import png

# An error of so much is of the full colour.
_FULL = 0.5

CSS = """
.ae h3 { margin: .9rem 0 .4rem; font-size: 1rem; overflow-wrap: anywhere; }
.ae h3 small { font-weight: normal; opacity: .75; display: block; }
.ae .row { display: grid; gap: .6rem; grid-template-columns: repeat(var(--n), minmax(0, 1fr)); }
.ae .row.few { max-width: calc(var(--n) * 13rem); }
.ae figure { margin: 0; }
.ae img { width: 100%; aspect-ratio: 1; object-fit: contain; image-rendering: pixelated;
  display: block; border-radius: 3px; background: #8882; margin: 0; }
.ae figcaption { font-size: .8rem; line-height: 1.25; padding-top: .2rem; overflow-wrap: anywhere; }
.ae p { margin: .6rem 0; max-width: 45rem; }
.ae table { border-collapse: collapse; width: 100%; max-width: 44rem; table-layout: fixed;
  margin: 0; }
.ae :is(table, tr, th, td) { border: 0 !important; }
.ae th { text-align: left; font-weight: normal; font-size: .8rem; width: 5.4rem; padding: 1px 0; }
.ae td { padding: 1px; }
@media (max-width: 600px) {
  .ae .row { gap: .4rem; }
  .ae .row.many { grid-template-columns: repeat(4, minmax(0, 1fr)); }
  .ae figcaption { font-size: .72rem; }
  .result { order: -1; position: sticky; top: 0; z-index: 2;
    background: var(--body-background-fill); }
  .tab-container button { padding: .25rem .6rem; }
}
"""


class Figure(NamedTuple):
    """An image and what is said of it.

    Attributes:
        image: `(C, H, W)`, uint8 or floats in [0, 1].
        caption: Below it.
        note: Below that, weaker, such as its PSNR.
    """

    image: NDArray[Any]
    caption: str
    note: str = ""


def document(*parts: str) -> str:
    """Parts of a page, in its style."""
    return f'<div class="ae">{"".join(parts)}</div>'


def words(text: str) -> str:
    """A paragraph."""
    return f"<p>{escape(text)}</p>"


def heading(title: str, said: str = "") -> str:
    """A heading, and what is said of it, below and smaller."""
    return f"<h3>{escape(title)}{said and f'<small>{escape(said)}</small>'}</h3>"


def row(figures: Sequence[Figure], columns: int | None = None, alt: str = "") -> str:
    """Figures side by side; those without a caption are told to who can't see them."""
    count = columns or len(figures)
    kind = "few" if count <= 4 else "many"
    shown = "".join(
        f"<figure>{picture(one.image, one.caption or alt)}<figcaption>{escape(one.caption)}"
        f"{one.note and f'<br><b>{escape(one.note)}</b>'}</figcaption></figure>"
        for one in figures
    )
    return f'<div class="row {kind}" style="--n:{count}">{shown}</div>'


def grid(titles: Sequence[str], images: NDArray[Any]) -> str:
    """A line for each title, with its images `(titles, columns, C, H, W)`."""
    lines = (
        f"<tr><th>{escape(title)}</th>"
        + "".join(f"<td>{picture(image, title)}</td>" for image in of_title)
        + "</tr>"
        for title, of_title in zip(titles, images, strict=True)
    )
    return f"<table>{''.join(lines)}</table>"


def picture(image: NDArray[Any], alt: str) -> str:
    """An image `(C, H, W)` as an element that needs no file."""
    content = base64.b64encode(png(image)).decode()
    return f'<img src="data:image/png;base64,{content}" alt="{escape(alt)}">'


def signed(error: NDArray[Any]) -> NDArray[np.float32]:
    """A difference `(C, H, W)` in [-1, 1] as colours: blue where it is below 0, red above."""
    from matplotlib import colormaps

    share = 0.5 + error.mean(0) / (2 * _FULL)
    colours: NDArray[np.float32] = np.asarray(colormaps["RdBu_r"](share), np.float32)
    return np.moveaxis(colours[..., :3], -1, 0)
