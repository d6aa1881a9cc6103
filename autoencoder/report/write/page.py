"""The pages of a report: HTML that is one file and opens offline, and Markdown."""

import base64
import re
from collections.abc import Sequence
from html import escape
from importlib.resources import files
from string import Template

from autoencoder.report.draw.figures import FigureWithCaption

# A narrow screen shows figures at no less than this share of their width, and scrolls: letters
# would be too small otherwise. At this one, a plot of lines just fits on a phone.
_SMALLEST = 0.6


def render_html(
    title: str,
    summary: Sequence[str],
    table_html: str,
    figures: Sequence[FigureWithCaption],
    interactive_map_html: str,
    protocol: Sequence[tuple[str, str]],
) -> str:
    """The report as one HTML file, figures and all.

    Args:
        title: Of the page, as plain text.
        summary: Sentences, as plain text.
        table_html: The `<table>`.
        figures: Shown in their order; further pages of a figure are folded.
        interactive_map_html: What `latent_map.render` returns.
        protocol: How the numbers came about: names and values, as plain text.
    """
    sentences = "".join(f"<li>{escape(sentence)}</li>" for sentence in summary)
    facts = "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in protocol)
    sections = {
        "Summary": f'<ul class="summary">{sentences}</ul>' if sentences else "",
        "Results": _scrolling(table_html, "Results") if table_html else "",
        "Figures": "".join(map(_figure, figures)),
        "Explore the latent": interactive_map_html,
        "Protocol": f"<dl>{facts}</dl>" if facts else "",
    }
    filled = {heading: html for heading, html in sections.items() if html}
    page = files("autoencoder.report.write").joinpath("page.html").read_text(encoding="utf-8")
    return Template(page).substitute(
        title=escape(title),
        contents="".join(
            f'<li><a href="#{_anchor(heading)}">{heading}</a></li>' for heading in filled
        ),
        body="\n".join(
            f'<section id="{_anchor(heading)}"><h2>{heading}</h2>{html}</section>'
            for heading, html in filled.items()
        ),
    )


def render_markdown(
    title: str,
    summary: Sequence[str],
    table_markdown: str,
    figures: Sequence[FigureWithCaption],
    protocol: Sequence[tuple[str, str]],
) -> str:
    """The report as Markdown, which links `figures/NAME.png`.

    Args:
        title: Of the page, as plain text.
        summary: Sentences, as plain text.
        table_markdown: The table.
        figures: Shown in their order.
        protocol: How the numbers came about: names and values, as plain text.
    """
    blocks = [f"# {_plain(title)}"]
    if summary:
        blocks.append("\n".join(f"- {_plain(sentence)}" for sentence in summary))
    if table_markdown:
        blocks += ["## Results", table_markdown.strip()]
    if figures:
        blocks.append("## Figures")
    for figure in figures:
        heading = _plain(figure.title)
        blocks += [f"### {heading}", f"![{heading}](figures/{figure.name}.png)"]
        if figure.caption:
            blocks.append(_plain(figure.caption))
    if protocol:
        facts = [f"- **{_plain(name)}**: {_plain(value)}" for name, value in protocol]
        blocks += ["## Protocol", "\n".join(facts)]
    return "\n\n".join(blocks) + "\n"


def _figure(figure: FigureWithCaption) -> str:
    """A figure with its caption; folded, if it goes on with the one before it."""
    title = escape(figure.title)
    source = f"data:image/png;base64,{base64.b64encode(figure.png).decode()}"
    style = f"width: min(100%, {figure.width}px); min-width: {round(_SMALLEST * figure.width)}px"
    image = f'<img src="{source}" alt="{title}" style="{style}">'
    caption = f"<figcaption>{escape(figure.caption)}</figcaption>" if figure.caption else ""
    content = _scrolling(image, title) + caption
    if figure.page > 1:
        return (
            f'<details id="{figure.name}"><summary>{title}</summary>'
            f"<figure>{content}</figure></details>"
        )
    return f'<figure id="{figure.name}"><h3>{title}</h3>{content}</figure>'


def _scrolling(html: str, label: str) -> str:
    """A box that scrolls what is too wide for the page; the keyboard reaches it as well."""
    return f'<div class="scroll" tabindex="0" role="region" aria-label="{label}">{html}</div>'


def _anchor(heading: str) -> str:
    """The address of a section within the page; figures have theirs by name."""
    return "section-" + heading.lower().replace(" ", "-")


def _plain(text: str) -> str:
    """Plain text in Markdown: what would be markup is escaped."""
    return re.sub(r"([\\`*<\[\]])", r"\\\1", text)
