import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from autoencoder import InputError, Run
from autoencoder.analysis.denoising import psnr
from autoencoder.analysis.pca import PrincipalComponents, pca_mse
from autoencoder.data.sources import DataNotFoundError
from autoencoder.trained.demo import figures
from autoencoder.trained.demo.figures import picture
from autoencoder.trained.demo.views import SAMPLES, Views
from tests.report.test_browser import opened, resize, run, wait
from tests.trained.conftest import command

__all__ = ["opened"]  # a fixture


def shown(image: Any) -> str:
    """What stands in the page for an image, whatever is said of it."""
    return picture(np.asarray(image), "").partition(" alt=")[0]


@pytest.fixture
def views(run: Run) -> Views:
    return Views([run])


@pytest.fixture
def both(run: Run, seeing: Run) -> Views:
    return Views([run, seeing])


@pytest.fixture
def without_data(run: Run, seeing: Run, monkeypatch: pytest.MonkeyPatch) -> Views:
    def missing(_: Run) -> None:
        raise DataNotFoundError("no files; type data_root=FOLDER")

    monkeypatch.setattr(Run, "data", property(missing))
    return Views([run, seeing])


def test_a_reconstruction_beside_its_floor(views: Views, run: Run) -> None:
    image, label = views.picked(3)
    clean = image[None] / np.float32(255)
    html = views.reconstruction(image, label, 0)
    made = run.reconstruct(image[None])
    own = psnr(made, clean)
    assert html.count("<figure>") == 4
    assert shown(made[0]) in html
    pca = PrincipalComponents.fit(run.data.examined.images.numpy() / np.float32(255))
    floor = -10 * np.log10(pca_mse(pca, clean, [36])[36])
    assert re.findall(r"([\d.]+) dB<", html) == [f"{own:.1f}", f"{floor:.1f}"]
    assert f"{abs(own - floor):.1f} dB behind PCA of as many" in html


def test_noise_and_the_linear_denoiser(views: Views, run: Run) -> None:
    image, label = views.picked(3)
    html = views.reconstruction(image, label, 0.3)
    assert html == views.reconstruction(image, label, 0.3)
    assert html.count("<figure>") == 6
    noisy, wiener, _, _ = map(float, re.findall(r"([\d.]+) dB<", html))
    # Of a standard deviation of .3, clipped.
    assert 10.4 < noisy < 15
    assert wiener > noisy + 1
    # The network saw the noise.
    assert shown(run.reconstruct(image[None])[0]) not in html


def test_runs_are_compared_on_the_same_image(both: Views, run: Run, seeing: Run) -> None:
    image, label = both.picked(0)
    html = both.reconstruction(image, label, 0)
    assert shown(run.reconstruct(image[None])[0]) in html
    assert shown(seeing.reconstruct(image[None], label)[0]) in html
    other = (label + 1) % len(both.classes)
    assert shown(seeing.reconstruct(image[None], label)[0]) not in both.reconstruction(
        image, other, 0
    )
    assert html.count("<h3>") == 2
    # 36 numbers and 3.
    assert {f"PCA of {n}<" in html for n in (36, 3)} == {True}


def test_runs_of_other_images_are_not_compared(run: Run, seeing: Run) -> None:
    seeing.image_shape = (3, 12, 12)
    with pytest.raises(InputError, match="other images"):
        Views([run, seeing])


def test_the_way_has_its_ends(both: Views, run: Run, seeing: Run) -> None:
    (start, label), (end, other) = both.picked(0), both.picked(1)
    for share, image, of_it in ((0, start, label), (1, end, other)):
        for arc in (False, True):
            html = both.between(start, label, end, other, share, arc)
            assert shown(run.reconstruct(image[None])[0]) in html
            assert shown(seeing.reconstruct(image[None], of_it)[0]) in html
    middle = run.decode(run.encode(np.stack([start, end])).mean(0, keepdims=True))[0]
    assert shown(middle) in both.between(start, label, end, other, 0.5, False)
    assert shown(middle) not in both.between(start, label, end, other, 0.5, True)


def test_sliders_set_what_varies_most(both: Views, run: Run) -> None:
    image, label = both.picked(2)
    latents = run.encode(run.data.train.images.numpy()).reshape(-1, 36)
    known = both.sliders(0)
    assert known.dimensions == np.argsort(-latents.var(0))[:8].tolist()
    assert 0 < sum(known.shares) < 1
    places = both.places(0, image, label)
    assert shown(run.reconstruct(image[None])[0]) in both.changed(0, image, label, places)
    places[1] = 2.5
    flat = run.encode(image[None]).reshape(-1)
    dimension = known.dimensions[1]
    flat[dimension] = latents[:, dimension].mean() + 2.5 * latents[:, dimension].std(ddof=1)
    assert shown(run.decode(flat[None])[0]) in both.changed(0, image, label, places)
    # A latent of three has three.
    assert len(both.sliders(1).dimensions) == len(both.places(1, image, label)) == 3


def test_new_images_beside_those_trained_on(both: Views, run: Run, seeing: Run) -> None:
    html = both.generated(2, 5)
    for one in (run, seeing):
        made = one.sample(SAMPLES, 2, seed=5)
        assert all(shown(image) in html for image in made)
        train = run.data.examined.images.numpy()
        errors = np.square(train - made[0] * 255).sum((1, 2, 3))
        assert shown(train[errors.argmin()]) in html
    assert [html.count(f"<th>{name}<") for name in both.classes] == [1] * len(both.classes)
    assert both.generated(2, 6) != html
    # The first style of each class is one latent.
    torch.manual_seed(5)
    assert seeing.model.prior is not None
    latents = seeing.model.prior.sample((6, 3))
    for label in (0, 9):
        assert shown(seeing.decode(latents, label)[0]) in html


def test_without_the_data_it_says_so(without_data: Views, tmp_path: Path) -> None:
    assert without_data.count == 0
    Image.fromarray(np.arange(400, dtype=np.uint8).reshape(20, 20)).save(tmp_path / "a.png")
    image = without_data.uploaded(tmp_path / "a.png")
    assert image.shape == (1, 12, 12)
    html = without_data.reconstruction(image, 0, 0.2)
    assert "data_root=FOLDER" in html
    assert "PCA" not in html
    assert "Wiener" not in html
    new = without_data.generated(None, 0)
    # That of the model with a prior of its own is there.
    assert "no prior of its own" in new
    assert new.count("<figure>") == SAMPLES
    (tmp_path / "b.png").write_bytes(b"no image")
    with pytest.raises(InputError, match=r"^b\.png is broken"):
        without_data.uploaded(tmp_path / "b.png")


def test_texts_are_texts() -> None:
    hostile = "<img src=x onerror=alert(1)>\"'"
    image = np.zeros((1, 2, 2), np.uint8)
    html = figures.document(
        figures.words(hostile),
        figures.heading(hostile, hostile),
        figures.row([figures.Figure(image, hostile, hostile)]),
        figures.grid([hostile], image[None, None]),
    )
    assert "<img src=x" not in html
    assert html.count("&lt;img src=x onerror=alert(1)&gt;&quot;&#x27;") == 8


def test_an_error_is_red_where_it_is_too_bright() -> None:
    red, white, blue = figures.signed(np.array([[[0.5, 0, -0.5]]]))[:, 0].T
    assert red[0] > red[2] + 0.2
    assert blue[2] > blue[0] + 0.2
    assert white.min() > 0.95


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["out=x"], "out="),
        (["port=70000"], "port must"),
        (["port=-1"], "port must"),
        (["upload_mb=0"], "upload_mb must"),
    ],
)
def test_mistakes_are_said_before_anything_is_loaded(words: list[str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        command("demo", "run=nowhere", *words)


@pytest.mark.parametrize("run", ["null", "[]"])
def test_no_run(run: str) -> None:
    pytest.importorskip("gradio")
    with pytest.raises(InputError, match="run=PATH is missing"):
        command("demo", f"run={run}")


def test_a_port_that_is_taken(plain: Path) -> None:
    pytest.importorskip("gradio")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(InputError, match=f"port={port}: Address already in use; port=0"):
            command("demo", f"run={plain}", f"port={port}")
    # Of a network for documents.
    with pytest.raises(InputError, match=r"host=192\.0\.2\.1 port=0: Cannot assign [\w ]*$"):
        command("demo", f"run={plain}", "port=0", "host=192.0.2.1")


def test_a_missing_extra_is_one_line(plain: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gradio", None)
    with pytest.raises(InputError, match=r"pip install 'autoencoder-experiments\[demo\]'"):
        command("demo", f"run={plain}")


def test_other_commands_take_one_run(plain: Path) -> None:
    with pytest.raises(InputError, match="run= is one run here, got 2"):
        command("reconstruct", f"run=[{plain},{plain}]")


@pytest.mark.slow
def test_it_calls_nobody_and_takes_no_large_file(
    views: Views, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("gradio")
    from autoencoder.trained.demo.serve import application, check_gradio

    called: list[Any] = []
    monkeypatch.setattr(socket.socket, "connect", lambda _, address: called.append(address))
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    check_gradio()
    from starlette.testclient import TestClient

    with TestClient(application(views, upload_mb=0.1)) as client:
        page = client.get("/").text
        theme = client.get("/theme.css").text
        config = client.get("/config").json()
        sent = [
            client.post("/gradio_api/upload", files={"files": ("a.png", b"x" * size)}).status_code
            for size in (90_000, 110_000)
        ]
    assert sent == [200, 413]
    assert "data:image/png" in page
    # Of the machine's own fonts; the sources of those that Gradio brings along are not among them.
    assert "@font-face" not in theme
    assert "fonts.googleapis" not in page
    assert not config.get("analytics_enabled", False)
    assert called == []


@pytest.fixture(scope="module")
def served(plain: Path, conditional: Path) -> Iterator[str]:
    """The address of the page of two runs, as the program serves it."""
    pytest.importorskip("gradio")
    root = Path(__file__).parents[2]
    words = ("demo", f"run=[{plain},{conditional}]", "port=0", "device=cpu", "upload_mb=1")
    with subprocess.Popen(
        [sys.executable, "-m", "autoencoder", *words], cwd=root, stdout=subprocess.PIPE, text=True
    ) as program:
        assert program.stdout is not None
        try:
            line = program.stdout.readline()
            yield line.split()[0]
            program.send_signal(signal.SIGINT)
            assert program.wait(20) == -signal.SIGINT
        finally:
            program.kill()


@pytest.mark.slow
@pytest.mark.browser
def test_the_page_in_a_browser(opened: Any, served: str, tmp_path: Path) -> None:
    def images(place: str) -> str:
        return f"[...document.querySelectorAll('{place} img')].map((one) => one.src).join()"

    def words(place: str) -> str:
        return f"document.querySelector('{place}').textContent"

    def changes(place: str, before: str) -> None:
        wait(opened, f"return {images(place)} !== {before!r}")

    def put(place: str, value: str) -> None:
        field = f"document.querySelector('{place} input[type=number]')"
        event = "new Event('input', {bubbles: true})"
        run(opened, f"{field}.value = {value}; {field}.dispatchEvent({event})")

    def tab(number: int) -> None:
        run(opened, f"document.querySelectorAll('button[role=tab]')[{number}].click()")

    resize(opened, 1280)
    opened.get(served)
    wait(opened, "return document.querySelectorAll('#reconstruction figure').length === 7")
    # Noise by slider.
    put("#noise", "0.3")
    wait(opened, f"return {words('#reconstruction')}.includes('Wiener filter')")
    noisy = run(opened, f"return {images('#reconstruction')}")
    # An image of one's own, and one that is none.
    Image.fromarray(np.arange(400, dtype=np.uint8).reshape(20, 20)).save(tmp_path / "a.png")
    (tmp_path / "b.png").write_bytes(b"no image")
    upload = opened.find_elements("css selector", "input[type=file]")[0]
    upload.send_keys(str(tmp_path / "a.png"))
    changes("#reconstruction", noisy)
    upload = opened.find_elements("css selector", "input[type=file]")[0]
    upload.send_keys(str(tmp_path / "b.png"))
    wait(opened, "return document.body.textContent.includes('no image of a known format')")
    # The way between two, the latent by hand, and new images.
    tab(1)
    put("#share", "1")
    wait(opened, f"return {words('#between')}.includes('100%')")
    tab(2)
    before = run(opened, f"return {images('#latent')}")
    put(".dimension", "3")
    changes("#latent", before)
    tab(3)
    wait(opened, "return document.querySelectorAll('#new th').length === 10")
    # Nothing of it is wider than a telephone, and all of it came from here.
    for number in range(4):
        resize(opened, 390)
        tab(number)
        assert run(opened, "return document.documentElement.scrollWidth") <= 390
    asked = run(opened, "return performance.getEntriesByType('resource').map((one) => one.name)")
    assert len(asked) > 10
    assert [name for name in asked if not name.startswith((served, "data:", "blob:"))] == []
    assert [entry["message"] for entry in opened.get_log("browser")] == []
