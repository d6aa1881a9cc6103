import base64
import dataclasses
import hashlib
import io
import json
import re
import shutil
import tempfile
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from autoencoder.report.draw.figures import FigureWithCaption, draw
from autoencoder.report.measure.evaluation import Evaluation
from autoencoder.report.write import latent_map, overview
from autoencoder.report.write.charts import styles
from autoencoder.report.write.facts import facts
from autoencoder.report.write.page import Content, render_html, render_markdown
from autoencoder.report.write.rows import group
from autoencoder.report.write.table import html_table
from tests.report.fakes import FakeData, four_runs

BROWSER_FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
VOID = {"meta", "img", "br", "hr", "link", "input"}


@pytest.fixture(scope="module")
def data() -> FakeData:
    return FakeData()


@pytest.fixture(scope="module")
def runs(data: FakeData) -> list[Evaluation]:
    return four_runs(data)


def map_data(html: str) -> dict[str, Any]:
    """What the script of the map is given."""
    found = re.search(
        r'<script type="application/json" id="latent-map-data">(.*?)</script>', html, re.S
    )
    assert found
    return dict(json.loads(found[1]))


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
        "latent_map": latent_map.render(ordered),
        "protocol": [("checksum", "0123456789abcdef" * 4)],
        "styles": dict(zip((row.group for row in rows), styles(rows), strict=True)),
        "data": facts(rows),
    }
    return Content(**values | other)


def report_data(html: str) -> dict[str, Any]:
    """What the scripts of the page are given."""
    found = re.search(r'<script type="application/json" id="report-data">(.*?)</script>', html)
    assert found
    return dict(json.loads(found[1]))


def test_html_needs_nothing_beside_itself(data: FakeData, runs: list[Evaluation]) -> None:
    texts = {"title": "A & B <sweep>", "findings": ["A < B."], "protocol": [("seed", "<0>")]}
    html = render_html(whole(data, runs, **texts))
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


def test_only_what_the_page_brought_is_allowed_to_run(
    data: FakeData, runs: list[Evaluation]
) -> None:
    html = render_html(whole(data, runs[:1], title="<script>alert(1)</script>"))
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


def test_the_library_keeps_its_licence(data: FakeData, runs: list[Evaluation]) -> None:
    assert "Leon Sorokin" in render_html(whole(data, runs[:1]))


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
    assert map_data(html)["runs"][0]["label"] == name
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


def test_charts_have_the_numbers_of_the_pictures(data: FakeData, runs: list[Evaluation]) -> None:
    content = whole(data, runs)
    given = report_data(render_html(content))["charts"]
    assert set(given) == {
        *("loss", "rate_distortion", "noise_robustness", "latent_use", "class_errors")
    }
    (loss,) = (figure for figure in content.figures if figure.name == "loss")
    lines = loss.figure.axes[0].lines
    assert len(given["loss"]["curves"]) == len(lines)
    for curve, line in zip(given["loss"]["curves"], lines, strict=True):
        assert curve["y"] == pytest.approx(list(line.get_ydata()), rel=1e-5)
        assert curve["color"] == line.get_color()
    groups = {one["name"]: one["color"] for one in report_data(render_html(content))["groups"]}
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


def test_no_map_without_points(data: FakeData) -> None:
    run = data.evaluation()
    nothing = np.empty(0, np.int64)
    assert latent_map.render([]) == ""
    assert latent_map.render([dataclasses.replace(run, map_indices=nothing)]) == ""


def test_map_shares_the_images_of_a_data_set(data: FakeData, runs: list[Evaluation]) -> None:
    part = slice(10, 200, 3)
    cut = {
        name: getattr(runs[1], name)[part]
        for name in ("map_indices", "map_images", "pca_map", "tsne_map")
    }
    given = map_data(latent_map.render([runs[0], dataclasses.replace(runs[1], **cut)]))
    assert len(given["sets"]) == 1
    assert [run["label"] for run in given["runs"]] == [run.label for run in runs[:2]]
    assert given["runs"][0]["rows"] is None
    assert given["runs"][1]["rows"] == list(range(10, 200, 3))
    assert given["sets"][0]["labels"] == data.labels.tolist()
    assert len(given["runs"][1]["pca"]) == 2 * len(cut["pca_map"])


def test_map_shows_the_right_image(data: FakeData, runs: list[Evaluation]) -> None:
    images = map_data(latent_map.render(runs))["sets"][0]
    sheet = Image.open(io.BytesIO(base64.b64decode(images["sprite"].split(",")[1])))
    width, height = images["thumbnail"]
    assert (width, height) == (16, 16)
    index = 123
    left, top = index % images["columns"] * width, index // images["columns"] * height
    thumbnail = np.asarray(sheet)[top : top + height, left : left + width]
    np.testing.assert_array_equal(thumbnail, data.pixels[index, 0])


def test_a_point_of_the_map_has_its_own_image_class_and_error(data: FakeData) -> None:
    runs: list[Evaluation] = []
    for name, part in (("one", slice(5, 100, 3)), ("two", slice(6, 110, 4))):
        run = data.evaluation(name, seed=len(runs))
        names = ("map_indices", "map_images", "pca_map", "tsne_map")
        cut = {name: getattr(run, name)[part] for name in names}
        runs.append(dataclasses.replace(run, **cut))
    given = map_data(latent_map.render(runs))
    (of_data,) = given["sets"]
    sheet = np.asarray(Image.open(io.BytesIO(base64.b64decode(of_data["sprite"].split(",")[1]))))
    for run, shown in zip(runs, given["runs"], strict=True):
        assert shown["label"] == run.label
        assert [of_data["indices"][row] for row in shown["rows"]] == run.map_indices.tolist()
        classes = [of_data["labels"][row] for row in shown["rows"]]
        assert classes == data.labels[run.map_indices].tolist()
        assert shown["mse"] == pytest.approx(run.image_mse[run.map_indices], abs=1e-5)
        for row, index in zip(shown["rows"], run.map_indices, strict=True):
            top, left = (16 * place for place in divmod(row, of_data["columns"]))
            found = sheet[top : top + 16, left : left + 16]
            np.testing.assert_array_equal(found, data.pixels[index, 0])
        for name, points in (("pca", run.pca_map), ("tsne", run.tsne_map)):
            assert np.corrcoef(shown[name][::2], points[:, 0])[0, 1] > 0.999
            assert np.corrcoef(shown[name][1::2], points[:, 1])[0, 1] > 0.999


def test_map_keeps_proportions_and_leaves_out_what_is_not_finite(data: FakeData) -> None:
    points = np.array([[0, 0], [4, 1], [np.nan, 1], [2, 2]], np.float32)
    run = dataclasses.replace(
        data.evaluation(),
        map_indices=np.arange(4),
        map_images=data.pixels[:4],
        pca_map=points,
        tsne_map=points * np.nan,
    )
    html = latent_map.render([run])
    given = map_data(html)
    span = given["span"]
    assert given["runs"][0]["tsne"] == [None] * 8
    expected = [0, 0.25, 1, 0.5, None, None, 0.5, 0.75]
    assert given["runs"][0]["pca"] == [x if x is None else x * span for x in expected]
    assert "NaN" not in html


def test_map_of_large_colour_images() -> None:
    run = FakeData(20, 8, 3).evaluation()
    large = run.map_images.repeat(6, axis=2).repeat(6, axis=3)
    run = dataclasses.replace(run, map_images=large, image_shape=(3, 48, 48))
    images = map_data(latent_map.render([run]))["sets"][0]
    assert images["thumbnail"] == [32, 32]
    sheet = Image.open(io.BytesIO(base64.b64decode(images["sprite"].split(",")[1])))
    assert sheet.mode == "RGB"


def test_names_cannot_end_the_script(data: FakeData) -> None:
    run = dataclasses.replace(data.evaluation(), label="</script><b>")
    html = latent_map.render([run])
    assert "</script><b>" not in html
    assert map_data(html)["runs"][0]["label"] == "</script><b>"


@pytest.fixture
def browser() -> Iterator[Any]:
    """A Chromium without a window and without a past."""
    webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    driver = shutil.which("chromedriver")
    if not chromium or not driver:
        pytest.skip("chromium or chromedriver is not installed")
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        for flag in (*BROWSER_FLAGS, f"--user-data-dir={profile}"):
            options.add_argument(flag)
        opened = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
        yield opened
        opened.quit()


def resize(browser: Any, width: int) -> None:
    # A window cannot be as narrow as a phone.
    screen = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)


@pytest.mark.browser
def test_report_in_a_browser(
    browser: Any, tmp_path: Path, data: FakeData, runs: list[Evaluation]
) -> None:
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.common.by import By

    html = render_html(whole(data, runs))
    path = tmp_path / "report.html"
    path.write_text(html, encoding="utf-8")
    for width in (1280, 390):
        resize(browser, width)
        browser.get(path.as_uri())
        size = browser.execute_script(
            "const page = document.documentElement; return [page.scrollWidth, page.clientWidth]"
        )
        assert size[0] <= size[1] <= width

        canvas = browser.find_element(By.CSS_SELECTOR, "#latent-map .plot > canvas")
        tip = browser.find_element(By.CSS_SELECTOR, "#latent-map .tip")
        assert not tip.is_displayed()
        browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", canvas)
        left, top = _first_point(html, canvas.size["width"], canvas.size["height"])
        ActionChains(browser).move_to_element_with_offset(
            canvas, left - canvas.size["width"] // 2, top - canvas.size["height"] // 2
        ).perform()
        assert tip.is_displayed()
        assert "test image" in tip.text
        box, around = tip.rect, canvas.rect
        assert box["x"] >= around["x"] - 1
        assert box["x"] + box["width"] <= around["x"] + around["width"] + 1
    assert [entry["message"] for entry in browser.get_log("browser")] == []


def _first_point(html: str, width: int, height: int) -> tuple[int, int]:
    """Where on the canvas the first image of the first run is, the map filling a square in it."""
    given = map_data(html)
    x, y = (value / given["span"] for value in given["runs"][0]["tsne"][:2])
    side = min(width, height) - 24
    return round((width - side) / 2 + x * side), round((height + side) / 2 - y * side)
