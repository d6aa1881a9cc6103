"""The page in a browser: what a reader clicks, types and sees."""

import importlib.util
import json
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from autoencoder.report.write.page import render_html
from tests.report.fakes import FakeData, four_runs
from tests.report.test_page import whole

BROWSER_FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
HOSTILE = "</script><img src=x onerror=alert(1)>\"'"
pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A report of four runs, one of them with a hostile name."""
    data = FakeData()
    runs = four_runs(data)
    object.__setattr__(runs[3], "group", HOSTILE)
    object.__setattr__(runs[3], "label", HOSTILE)
    path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_text(render_html(whole(data, runs)), encoding="utf-8")
    return path.as_uri()


@pytest.fixture(scope="module")
def opened() -> Iterator[Any]:
    """A Chromium without a window and without a past."""
    webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    driver = shutil.which("chromedriver")
    if not chromium or not driver:
        pytest.skip("chromium or chromedriver is not installed")
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        for flag in (*BROWSER_FLAGS, f"--user-data-dir={profile}"):
            options.add_argument(flag)
        browser = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
        yield browser
        browser.quit()


@pytest.fixture
def browser(opened: Any, page: str) -> Any:
    """The page as it is first seen, on a wide screen."""
    resize(opened, 1280)
    opened.get(page)
    opened.execute_script("localStorage.clear()")
    opened.get(page)
    yield opened
    # Neither an error nor anything that the policy had to forbid.
    assert [entry["message"] for entry in opened.get_log("browser")] == []


def resize(browser: Any, width: int, scheme: str = "light") -> None:
    # A window cannot be as narrow as a phone.
    screen = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 600}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})


def run(browser: Any, script: str) -> Any:
    return browser.execute_script(script)


def keys(browser: Any, *typed: str) -> None:
    from selenium.webdriver.common.action_chains import ActionChains

    ActionChains(browser).send_keys(*typed).perform()


def names(browser: Any) -> list[str]:
    rows = "[...document.querySelectorAll('.results tbody tr[data-name]')]"
    return list(run(browser, f"return {rows}.filter((r) => !r.hidden).map((r) => r.dataset.name)"))


def see(browser: Any, place: str) -> None:
    """Scrolls to what is built when it is about to be seen."""
    run(browser, f"document.querySelector('{place}').scrollIntoView()")
    wait(browser, f"return document.querySelector('{place} canvas') !== null")


def wait(browser: Any, script: str) -> None:
    from selenium.webdriver.support.ui import WebDriverWait

    WebDriverWait(browser, 5).until(lambda one: one.execute_script(script))


def test_the_first_screen_holds_what_matters(browser: Any) -> None:
    wait(browser, "return document.querySelector('.lead canvas') !== null")
    for what in (".cards", ".lead"):
        bottom = f"document.querySelector('{what}').getBoundingClientRect().bottom"
        assert run(browser, f"return {bottom}") <= 800
    assert 1 <= run(browser, "return document.querySelectorAll('.card').length") <= 4
    assert 1 <= run(browser, "return document.querySelectorAll('.said li').length") <= 6


def test_a_hostile_name_is_a_name(browser: Any) -> None:
    assert HOSTILE in names(browser)
    assert run(browser, "return document.querySelectorAll('img[src=x]').length") == 0


def test_the_table_is_sorted_by_click_and_by_key(browser: Any) -> None:
    head = "document.querySelector('.results th[data-meaning^=\"mean squared error over\"] button')"
    run(browser, f"{head}.click()")
    rows = "[...document.querySelectorAll('.results tbody tr')]"
    values = f"{rows}.map((r) => Number(r.cells[2].dataset.v))"
    up = run(browser, f"return {values}")
    assert up == sorted(up)
    run(browser, f"{head}.focus()")
    # Its meaning is told on focus as well.
    wait(browser, "return !document.getElementById('tip').hidden")
    keys(browser, "\ue007")
    assert run(browser, f"return {values}") == up[::-1]
    assert run(browser, f"return {head}.closest('th').ariaSort") == "descending"


def test_the_table_is_filtered_by_typing(browser: Any) -> None:
    run(browser, "document.querySelector('input[type=search]').focus()")
    keys(browser, "compact none")
    assert names(browser) == ["compact4layer, none"]


def test_chosen_columns_are_remembered(browser: Any, page: str) -> None:
    heads = "[...document.querySelectorAll('.results thead tr:last-child th')]"
    seen = f"{heads}.filter((h) => h.offsetWidth).length"
    before = run(browser, f"return {seen}")
    run(browser, "document.querySelector('.choice input:not(:checked)').click()")
    assert run(browser, f"return {seen}") == before + 1
    browser.get(page)
    assert run(browser, f"return {seen}") == before + 1


def test_a_watched_page_loads_itself_again_and_is_as_it_was_left(
    opened: Any, tmp_path: Path
) -> None:
    data = FakeData()
    runs = four_runs(data)
    path = tmp_path / "report.html"

    def write(n_runs: int, again: float) -> None:
        html = render_html(whole(data, runs[:n_runs], watched=f"{n_runs} of 4"))
        path.write_text(html.replace('data-again="30"', f'data-again="{again}"'), encoding="utf-8")

    write(3, 0.5)
    resize(opened, 1280)
    opened.get(path.as_uri())
    head = "[...document.querySelectorAll('.results thead button')].at(-1)"
    sort = f"return {head}.closest('th').ariaSort"
    run(opened, f"{head}.click(); {head}.click()")
    wanted = run(opened, sort)
    field = "document.querySelector('input[type=search]')"
    run(opened, f"{field}.value = 'none'; {field}.dispatchEvent(new Event('input'))")
    see(opened, "#map")
    second = "document.querySelector('#map select')"
    run(opened, f"{second}.selectedIndex = 1; {second}.dispatchEvent(new Event('change'))")
    chosen = run(opened, f"return {second}.selectedOptions[0].text")
    write(4, 9999)
    text = "document.querySelector('[data-again]').textContent"
    wait(opened, f"return {text} === '4 of 4; this page loads itself again'")
    assert run(opened, sort) == wanted
    assert run(opened, f"return {field}.value") == "none"
    assert all("none" in name for name in names(opened))
    wait(opened, f"return {second}?.selectedOptions[0].text === {json.dumps(chosen)}")
    place = "Math.abs(document.querySelector('#map').getBoundingClientRect().top)"
    wait(opened, f"return scrollY > 800 && {place} < 100")
    assert [entry["message"] for entry in opened.get_log("browser")] == []


def test_a_row_opens_to_its_runs(browser: Any) -> None:
    run(browser, "document.querySelector('.results tbody button').click()")
    text = run(browser, "return document.querySelector('tr.opened').textContent")
    assert "experiment=this" in text
    assert "multirun/fake" in text


def test_the_table_is_copied_in_three_ways(browser: Any) -> None:
    run(
        browser,
        "window.copied = []; navigator.clipboard.writeText = async (t) => { copied.push(t); }",
    )
    run(browser, "document.querySelectorAll('.tools .end button').forEach((b) => b.click())")
    csv, markdown, latex = run(browser, "return copied")[:3]
    assert csv.splitlines()[0].startswith("run,")
    assert markdown.splitlines()[1].startswith("| --- | ---:")
    assert "\\toprule" in latex
    assert "\\midrule" in latex
    assert latex.count(" \\\\\n") == 5
    assert "<img" not in markdown.replace("\\<img", "")


def test_a_run_is_switched_off_in_every_chart(browser: Any) -> None:
    see(browser, "#loss")
    see(browser, "#rate_distortion")
    button = "document.querySelector('#rate_distortion .legend button')"
    run(browser, f"{button}.click()")
    pressed = "document.querySelector('#loss .legend button').ariaPressed"
    assert run(browser, f"return {pressed}") == "false"


def test_a_chart_answers_to_the_keyboard(browser: Any) -> None:
    see(browser, "#rate_distortion")
    run(browser, "document.querySelector('#rate_distortion .u-over').focus()")
    keys(browser, "\ue014")
    assert "latent size" in run(browser, "return document.getElementById('tip').textContent")
    keys(browser, "\ue00c")
    assert run(browser, "return document.getElementById('tip').hidden")


def test_two_runs_are_compared(browser: Any) -> None:
    see(browser, "#compare")
    text = run(browser, "return document.querySelector('.verdict').textContent")
    assert "of 240 test images" in text
    run(browser, "document.querySelector('#compare .strips button').click()")
    assert "times A's error" in run(
        browser, "return document.querySelector('#compare .aside').textContent"
    )
    run(browser, "document.querySelector('#compare canvas').focus()")
    keys(browser, "\ue014")
    assert run(browser, "return document.querySelectorAll('#tip canvas').length") == 3


def test_a_lasso_gathers_images_and_a_click_finds_neighbours(browser: Any) -> None:
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.common.by import By

    see(browser, "#map")
    run(browser, "document.querySelector('#map').scrollIntoView({block: 'start'})")
    canvas = browser.find_element(By.CSS_SELECTOR, "#map .square > canvas")
    side = canvas.size["width"] // 2 - 10
    mouse = ActionChains(browser, duration=20).move_to_element_with_offset(canvas, -side, -side)
    mouse.click_and_hold()
    for x, y in ((2 * side, 0), (0, 2 * side), (-2 * side, 0), (0, -2 * side + 2)):
        mouse.move_by_offset(x, y)
    mouse.release().perform()
    assert (
        run(browser, "return document.querySelectorAll('#map > div:last-child .tile').length") == 96
    )
    assert "240 images" in run(
        browser, "return document.querySelector('#map > div:last-child h3').textContent"
    )
    run(browser, "document.querySelector('#map canvas').focus()")
    keys(browser, "\ue014", "\ue007")
    assert "Nearest in the latent" in run(
        browser, "return document.querySelector('#map .aside').textContent"
    )
    assert run(browser, "return document.querySelectorAll('#map .aside .sheet figure').length") == 5


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_nothing_is_in_anyones_way(browser: Any, width: int, scheme: str) -> None:
    """No sideways scrolling, and nothing serious that axe-core finds."""
    found = importlib.util.find_spec("axe_selenium_python")
    if not found or not found.origin:
        pytest.skip("axe-selenium-python is not installed")
    axe = Path(found.origin).parent / "node_modules/axe-core/axe.min.js"
    resize(browser, width, scheme)
    for place in ("#loss", "#compare", "#map"):
        see(browser, place)
    run(browser, "document.querySelector('.results tbody button').click()")
    wide = run(
        browser,
        "return [document.documentElement.scrollWidth, document.documentElement.clientWidth]",
    )
    assert wide[0] <= wide[1] <= width
    browser.execute_cdp_cmd("Runtime.evaluate", {"expression": axe.read_text()})
    done = "then((found) => arguments[0](JSON.stringify(found.violations)))"
    violations = json.loads(browser.execute_async_script(f"axe.run().{done}"))
    serious = [
        (one["id"], [node["html"][:120] for node in one["nodes"][:3]])
        for one in violations
        if one["impact"] in ("serious", "critical")
    ]
    assert serious == []
