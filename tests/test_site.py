"""The site of `docs/`, opened from a disk."""

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.report.test_browser import opened, resize, run, wait

ROOT = Path(__file__).parent.parent
pytestmark = [pytest.mark.browser, pytest.mark.slow]
__all__ = ["opened"]  # a fixture


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    build = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir"]
    subprocess.run([*build, str(folder)], cwd=ROOT, check=True)
    return folder


@pytest.mark.parametrize("page", ["index.html", "howto/runs.html"])
def test_a_word_is_found_and_nothing_is_fetched(opened: Any, site: Path, page: str) -> None:
    resize(opened, 1280)
    opened.get("about:blank")
    opened.get_log("performance")  # what the browser asked for itself
    opened.get((site / page).as_uri())
    field = opened.find_element("css selector", ".md-search__input")
    field.click()
    field.send_keys("slurm")
    wait(opened, "return document.querySelector('.md-search-result__link') !== null")
    found = run(
        opened, "return [...document.querySelectorAll('.md-search-result__link')].map(String)"
    )
    assert "howto/machines.html" in found[0]
    time.sleep(0.5)
    sent = [json.loads(one["message"])["message"] for one in opened.get_log("performance")]
    asked = [
        one["params"]["request"]["url"]
        for one in sent
        if one["method"] == "Network.requestWillBeSent"
    ]
    assert any("search_index.js" in name for name in asked)
    assert all(name.startswith(("file:", "data:", "blob:")) for name in asked), asked
    assert [entry["message"] for entry in opened.get_log("browser")] == []
