"""The pages of a report: HTML that is one file and opens offline, and Markdown."""

import base64
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from markupsafe import Markup

from autoencoder.report.draw.figures import FigureWithCaption
from autoencoder.report.write.charts import MARKS, charts
from autoencoder.report.write.overview import Card
from autoencoder.report.write.templates import plain, rendered

_ASSETS = Path(__file__).parent / "assets"
_STYLES = ("uplot.min.css", "page.css", "table.css", "explore.css")
# In this order: each may use what stands before it.
_SCRIPTS = ("base.js", "table.js", "charts.js", "scatter.js", "compare.js", "map.js", "watch.js")
_LEAD = "rate_distortion"
_MAPS = "latent_maps"
# Letters of still pictures that a page of few or of many images carries, over their first pages.
STILLS = {"few": 2_500_000, "many": 100_000_000}
# Has the page load itself again, so many seconds after it was loaded or last touched.
_AGAIN = Markup(' data-again="30"')


@dataclass(frozen=True, kw_only=True)
class Content:
    """What a page shows; whatever is empty is left out.

    Attributes:
        title: Of the page, as all of these texts plain text.
        watched: How far the runs are, of a page that is written again and loads itself again.
        compared: What was compared, in one line.
        cards: The best of each kind.
        headlines: What came out, in a few sentences.
        findings: The same at length.
        table: The `<table>`.
        figures: Shown in their order; further pages of a picture are folded.
        images: Whether `few` or `many` of the further pages are carried.
        protocol: How the numbers came about: names and values.
        styles: Colour and marker of each design by its name.
        explorer: What `explorer.explorer` returns.
        data: What else scripts are given, as JSON has it.
    """

    title: str
    watched: str = ""
    compared: str = ""
    cards: Sequence[Card] = ()
    headlines: Sequence[str] = ()
    findings: Sequence[str] = ()
    table: Markup = field(default_factory=Markup)
    figures: Sequence[FigureWithCaption] = ()
    images: str = "few"
    protocol: Sequence[tuple[str, str]] = ()
    styles: dict[str, tuple[str, str]] = field(default_factory=dict)
    explorer: dict[str, Any] = field(default_factory=dict)
    data: dict[str, Any] = field(default_factory=dict)


def render_html(content: Content) -> str:
    """The report as one HTML file, figures and all, that runs no script but its own."""
    lead = next((one for one in content.figures if one.name.startswith(_LEAD)), None)
    answering = [one for one in content.figures if one.kind and one is not lead]
    every = [one for one in content.figures if not one.kind and one is not lead]
    pictures = carried(every, STILLS[content.images])
    sections = {
        "Summary": content.cards or content.headlines or content.findings or lead,
        "Results": content.table,
        "Figures": answering,
        "Two runs": len(content.explorer.get("runs", ())) > 1,
        "Latent": content.explorer,
        "Pictures": pictures,
        "Protocol": content.protocol,
    }
    data = {
        "groups": [],
        "table": {"columns": [], "seeds": []},
        **content.data,
        "explorer": content.explorer,
        "charts": charts(content.figures),
        "marks": MARKS,
    }
    page = rendered(
        "page",
        **vars(content) | {"data": data},
        sections=[heading for heading, filled in sections.items() if filled],
        lead=lead,
        charts=answering,
        pictures=pictures,
        elsewhere=[one.name for one in every if one not in pictures],
        marks=MARKS,
        again=_AGAIN,
        policy=_POLICY,
        style=Markup("\n".join(_asset(name) for name in _STYLES)),
        script=Markup(_script()),
    )
    html = str(page)
    return html.replace(f'content="{_POLICY}"', f'content="{_policy(html)}"', 1)


def carried(pictures: Sequence[FigureWithCaption], most: int) -> list[FigureWithCaption]:
    """The first page of each picture, and as many further ones as fit, of every kind in turn.

    Maps come last: the page draws them itself.

    Args:
        pictures: In their order, which is kept.
        most: Letters of all that are carried.
    """
    left = most - sum(_letters(one) for one in pictures if one.page == 1)
    chosen = {one.name for one in pictures if one.page == 1}
    further = [one for one in pictures if one.page > 1]
    for one in sorted(further, key=lambda one: (one.name.startswith(_MAPS), one.page)):
        left -= _letters(one)
        if left < 0:
            break
        chosen.add(one.name)
    return [one for one in pictures if one.name in chosen]


def still(html: str) -> str:
    """A page that was watched, and is written no more: it loads itself no more."""
    return html.replace(_AGAIN, "", 1)


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
    blocks = [f"# {plain(title)}"]
    if summary:
        blocks.append("\n".join(f"- {plain(sentence)}" for sentence in summary))
    if table_markdown:
        blocks += ["## Results", table_markdown.strip()]
    if figures:
        blocks.append("## Figures")
    for figure in figures:
        heading = plain(figure.title)
        blocks += [f"### {heading}", f"![{plain(figure.said)}](figures/{figure.name}.png)"]
        if figure.caption:
            blocks.append(plain(figure.caption))
    if protocol:
        facts = [f"- **{plain(name)}**: {plain(value)}" for name, value in protocol]
        blocks += ["## Protocol", "\n".join(facts)]
    return "\n\n".join(blocks) + "\n"


def _letters(picture: FigureWithCaption) -> int:
    return -(-len(picture.webp) // 3) * 4


def _asset(name: str) -> str:
    return (_ASSETS / name).read_text(encoding="utf-8")


def _script() -> str:
    """All scripts as one: the library with its licence, then the page's own, in one scope."""
    licence = f"/* uPlot\n{_asset('uplot.LICENSE').strip()}\n*/"
    # Without its own first line, which is the address of its project.
    library = re.sub(r"\A/\*!.*?\*/\s*", "", _asset("uplot.min.js"))
    own = "\n".join(_asset(name) for name in _SCRIPTS)
    return f'{licence}\n{library}\n(() => {{\n"use strict";\n{own}\n}})();\n'


# Stands for the policy while the page that it depends on is made.
_POLICY = "policy"


def _policy(html: str) -> str:
    """The content security policy: what is in the page, and nothing that comes from elsewhere."""
    kinds = {
        "script": re.findall(r"<script>(.*?)</script>", html, re.S),
        "style": re.findall(r"<style>(.*?)</style>", html, re.S),
    }
    allowed = "; ".join(
        f"{kind}-src " + (" ".join(map(_digest, texts)) or "'none'")
        for kind, texts in kinds.items()
    )
    return f"default-src 'none'; img-src data:; {allowed}; base-uri 'none'; form-action 'none'"


def _digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
