"""The pages of a report: HTML that is one file and opens offline, and Markdown."""

from collections.abc import Sequence

from markupsafe import Markup

from autoencoder.report.draw.figures import FigureWithCaption
from autoencoder.report.write.templates import plain, rendered


def render_html(
    title: str,
    summary: Sequence[str],
    table: Markup,
    figures: Sequence[FigureWithCaption],
    latent_map: Markup,
    protocol: Sequence[tuple[str, str]],
) -> str:
    """The report as one HTML file, figures and all.

    Args:
        title: Of the page, as plain text.
        summary: Sentences, as plain text.
        table: The `<table>`.
        figures: Shown in their order; further pages of a figure are folded.
        latent_map: What `latent_map.render` returns.
        protocol: How the numbers came about: names and values, as plain text.
    """
    content = {
        "Summary": summary,
        "Results": table,
        "Figures": figures,
        "Explore the latent": latent_map,
        "Protocol": protocol,
    }
    return rendered(
        "page",
        title=title,
        sections=[heading for heading, filled in content.items() if filled],
        summary=summary,
        table=table,
        figures=figures,
        latent_map=latent_map,
        protocol=protocol,
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
    blocks = [f"# {plain(title)}"]
    if summary:
        blocks.append("\n".join(f"- {plain(sentence)}" for sentence in summary))
    if table_markdown:
        blocks += ["## Results", table_markdown.strip()]
    if figures:
        blocks.append("## Figures")
    for figure in figures:
        heading = plain(figure.title)
        blocks += [f"### {heading}", f"![{heading}](figures/{figure.name}.png)"]
        if figure.caption:
            blocks.append(plain(figure.caption))
    if protocol:
        facts = [f"- **{plain(name)}**: {plain(value)}" for name, value in protocol]
        blocks += ["## Protocol", "\n".join(facts)]
    return "\n\n".join(blocks) + "\n"
