import base64
import dataclasses
import hashlib
import json
import re
from html.parser import HTMLParser
from typing import Any

import pytest
from matplotlib.figure import Figure

from autoencoder.report.draw.figures import FigureWithCaption, draw
from autoencoder.report.measure.evaluation import Evaluation
from autoencoder.report.write import overview
from autoencoder.report.write.charts import styles
from autoencoder.report.write.explorer import explorer
from autoencoder.report.write.facts import facts
from autoencoder.report.write.page import STILLS, Content, render_html, render_markdown, still
from autoencoder.report.write.rows import group
from autoencoder.report.write.table import html_table
from tests.report.fakes import FakeData, four_runs

VOID = {"meta", "img", "br", "hr", "link", "input"}


@pytest.fixture(scope="module")
def data() -> FakeData:
    return FakeData()


@pytest.fixture(scope="module")
def runs(data: FakeData) -> list[Evaluation]:
    return four_runs(data)


def small_figure(name: str = "loss", page: int = 1, caption: str = "What to see.") -> Any:
    figure = Figure(figsize=(6, 1))
    return FigureWithCaption(name, f"Title of {name}", caption, figure, page)


class Nesting(HTMLParser):
    """Fails where tags do not match, and collects ids and addresses."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.addresses: list[str] = []
        self.feed(html)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in VOID:
            self.open.append(tag)
        for name, value in attrs:
            if name == "id":
                self.ids.append(str(value))
            if name in ("src", "href"):
                self.addresses.append(str(value))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def whole(data: FakeData, runs: list[Evaluation], **other: Any) -> Content:
    """All that a page of these runs shows."""
    rows = group(runs)
    ordered = [run for row in rows for run in row.evaluations]
    values = {
        "title": "multirun/first",
        "compared": overview.compared(rows),
        "cards": overview.cards(rows),
        "headlines": overview.headlines(rows),
        "findings": ["A sentence on the best run."],
        "table": html_table(rows),
        "figures": draw(ordered, {data.key: data.floors()}),
        "explorer": explorer(ordered),
        "protocol": [("checksum", "0123456789abcdef" * 4)],
        "styles": dict(zip((row.group for row in rows), styles(rows), strict=True)),
        "data": facts(rows),
    }
    return Content(**values | other)


@pytest.fixture(scope="module")
def content(data: FakeData, runs: list[Evaluation]) -> Content:
    return whole(data, runs)


def report_data(html: str) -> dict[str, Any]:
    """What the scripts of the page are given."""
    found = re.search(r'<script type="application/json" id="report-data">(.*?)</script>', html)
    assert found
    return dict(json.loads(found[1]))


def test_html_needs_nothing_beside_itself(content: Content) -> None:
    texts = {"title": "A & B <sweep>", "findings": ["A < B."], "protocol": [("seed", "<0>")]}
    html = render_html(dataclasses.replace(content, **texts))
    page = Nesting(html)
    assert len(set(page.ids)) == len(page.ids)
    for address in page.addresses:
        assert address.startswith(("data:image/", "#"))
        assert not address.startswith("#") or address[1:] in page.ids
    assert "<h1>A &amp; B &lt;sweep&gt;</h1>" in html
    assert "<li>A &lt; B.</li>" in html
    assert "<dd>&lt;0&gt;</dd>" in html
    assert "https://" not in html
    assert len(html) < 2e6


def test_only_what_the_page_brought_is_allowed_to_run(content: Content) -> None:
    html = render_html(dataclasses.replace(content, title="<script>alert(1)</script>"))
    policy = re.search(r'Content-Security-Policy" content="(.*?)"', html)
    assert policy
    allowed = dict(part.split(" ", 1) for part in policy[1].split("; "))
    assert allowed["default-src"] == "'none'"
    for tag in ("script", "style"):
        texts = re.findall(rf"<{tag}>(.*?)</{tag}>", html, re.S)
        digests = [base64.b64encode(hashlib.sha256(text.encode()).digest()) for text in texts]
        assert allowed[f"{tag}-src"] == " ".join(f"'sha256-{one.decode()}'" for one in digests)
    # Which a policy of hashes forbids.
    assert not re.search(r'<[^>]*\s(style|on\w+)="', html.partition("<script")[0])


def test_a_page_that_is_watched_says_so_until_it_is_written_no_more(content: Content) -> None:
    said = "as of 10:00, 3 of 8 <runs>"
    html = render_html(dataclasses.replace(content, watched=said))
    shown = re.search(r"<p[^>]*>as of .*?</p>", html)
    assert shown
    assert shown[0] == ('<p class="compared" data-again="30">as of 10:00, 3 of 8 &lt;runs&gt;</p>')
    assert still(html) == html.replace(' data-again="30"', "")
    assert "data-again=" not in render_html(content).partition("<script")[0]


def test_the_library_keeps_its_licence(content: Content) -> None:
    assert "Leon Sorokin" in render_html(content)


def test_html_leaves_out_what_is_empty() -> None:
    html = render_html(Content(title="Title"))
    assert "<section" not in html


@pytest.mark.parametrize("name", ["<script>alert(1)</script>", "{{ 7 * 7 }}", '"><img src=x>'])
def test_names_are_no_markup(data: FakeData, name: str) -> None:
    run = dataclasses.replace(data.evaluation(), label=name, group=name)
    figure = dataclasses.replace(small_figure(caption=name), title=name)
    texts = {"title": name, "findings": [name], "protocol": [(name, name)], "figures": [figure]}
    html = render_html(whole(data, [run], **texts))
    page = Nesting(html)
    assert all(address.startswith(("data:image/", "#")) for address in page.addresses)
    assert "<script>alert" not in html
    assert "<h1>49" not in html
    assert report_data(html)["explorer"]["runs"][0]["label"] == name
    assert report_data(html)["groups"][0]["name"] == name
    text = render_markdown(name, [name], "", [figure], [(name, name)])
    assert not re.search(r"(?<!\\)<", text)


def test_a_dollar_is_only_a_dollar() -> None:
    html = render_html(Content(title="$title", findings=["$body"], protocol=[("$", "${x}")]))
    assert "<h1>$title</h1>" in html
    assert "<li>$body</li>" in html


def test_further_pages_are_folded() -> None:
    figures = [small_figure("samples"), small_figure("samples_2", page=2)]
    html = render_html(Content(title="Title", figures=figures))
    assert html.count("<details") == 1
    assert '<details id="samples_2">' in html


def test_of_many_pictures_the_first_of_each_kind_are_carried_and_the_others_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    kinds = ("samples", "latent_maps", "extremes")
    figures = [small_figure(name) for name in kinds]
    figures += [small_figure(f"{name}_{n}", page=n) for name in kinds for n in (2, 3)]
    size = -(-len(figures[0].webp) // 3) * 4
    monkeypatch.setitem(STILLS, "few", 5 * size)
    html = render_html(Content(title="Title", figures=figures))
    shown = [name for name in Nesting(html).ids if name.startswith(kinds)]
    assert shown == [*kinds, "samples_2", "extremes_2"]
    assert "latent_maps_2, latent_maps_3" in html
    assert "4 further pictures lie beside it" in html
    monkeypatch.setitem(STILLS, "few", 0)
    assert set(kinds) <= set(Nesting(render_html(Content(title="Title", figures=figures))).ids)
    every = render_html(Content(title="Title", figures=figures, images="many"))
    assert {one.name for one in figures} <= set(Nesting(every).ids)
    assert "beside it" not in every


def test_charts_have_the_numbers_of_the_pictures(content: Content) -> None:
    everything = report_data(render_html(content))
    given = everything["charts"]
    assert set(given) == {
        *("loss", "rate_distortion", "noise_robustness", "latent_use", "class_errors")
    }
    (loss,) = (figure for figure in content.figures if figure.name == "loss")
    lines = loss.figure.axes[0].lines
    assert len(given["loss"]["curves"]) == len(lines)
    for curve, line in zip(given["loss"]["curves"], lines, strict=True):
        assert curve["y"] == pytest.approx(list(line.get_ydata()), rel=1e-5)
        assert curve["color"] == line.get_color()
    groups = {one["name"]: one["color"] for one in everything["groups"]}
    for name in ("loss", "rate_distortion", "noise_robustness", "latent_use"):
        curves = [curve for curve in given[name]["curves"] if curve["of"]]
        assert {curve["of"]: curve["color"] for curve in curves} == groups


def test_a_picture_says_what_was_found() -> None:
    said = small_figure(caption="Lines of numbers. The lowest is 0.02, of “a”.").said
    assert said == "Title of loss. The lowest is 0.02, of “a”."


def test_markdown_links_its_figures() -> None:
    text = render_markdown(
        "A <b> title",
        ["2 * 3 is 6."],
        "| run | mse |\n| --- | --- |\n| a | 1 |",
        [small_figure(), small_figure("use", caption="")],
        [("seed", "0")],
    )
    assert text.startswith("# A \\<b> title\n\n- 2 \\* 3 is 6.\n\n## Results\n\n| run | mse |")
    assert (
        "![Title of loss. What to see.](figures/loss.png)\n\nWhat to see.\n\n### Title of use"
        in text
    )
    assert text.endswith("## Protocol\n\n- **seed**: 0\n")
