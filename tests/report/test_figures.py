import dataclasses
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from autoencoder.analysis import plotting
from autoencoder.report.draw.figures import FigureWithCaption, draw
from autoencoder.report.measure.evaluation import Evaluation
from tests.report.fakes import CLASSES, FakeData, four_runs

KINDS = [
    *("loss", "reconstructions", "extremes", "class_errors"),
    *("rate_distortion", "noise_robustness", "latent_maps", "latent_use"),
    *("samples", "interpolation", "neighbours"),
]


@pytest.fixture(scope="module")
def data() -> FakeData:
    return FakeData()


def captions(figures: list[FigureWithCaption]) -> dict[str, str]:
    return {figure.name: figure.caption for figure in figures}


def size(figure: FigureWithCaption) -> tuple[int, int]:
    return Image.open(io.BytesIO(figure.png)).size


def assert_drawn(figure: FigureWithCaption) -> None:
    """A picture has something in it besides its background."""
    pixels = np.asarray(Image.open(io.BytesIO(figure.png)).convert("L"))
    assert (pixels != pixels[0, 0]).mean() > 0.01


def test_a_sweep_has_each_figure_once(data: FakeData) -> None:
    figures = draw(four_runs(data), {data.key: data.floors()})
    assert [figure.name for figure in figures] == KINDS
    for figure in figures:
        assert figure.title
        assert len(figure.caption) > 50
        assert min(size(figure)) > 200


def test_no_runs_no_figures() -> None:
    assert draw([], {}) == []


def test_a_single_run_without_floors(data: FakeData) -> None:
    assert [figure.name for figure in draw([data.evaluation()], {})] == KINDS


def test_captions_come_from_the_numbers(data: FakeData) -> None:
    good = data.evaluation("good", 8)
    good.columns["pca_ratio"] = 0.48
    bad = data.evaluation("bad", 8)
    bad.columns["pca_ratio"] = 1.17
    bad.robustness.update(dict.fromkeys(bad.robustness, 5.0))
    errors = np.where(good.labels == CLASSES.index("Bag"), np.float32(0.3), np.float32(0.01))
    runs = [dataclasses.replace(run, image_mse=errors) for run in (good, bad)]
    said = captions(draw(runs, {data.key: data.floors()}))
    quoted_good, quoted_bad = "\u201cgood\u201d", "\u201cbad\u201d"
    assert f"Better than PCA of its size: {quoted_good} (0.48" in said["rate_distortion"]
    assert f"Not better: {quoted_bad} (1.17" in said["rate_distortion"]
    assert "Lost most: Bag" in said["class_errors"]
    assert f"{quoted_good} is best with 14.5 dB" in said["noise_robustness"]
    assert "2.0 dB under doing nothing" in said["noise_robustness"]
    assert f"Lowest is {quoted_bad} with 5.0 dB" in said["noise_robustness"]


def test_captions_have_means_over_seeds(data: FakeData) -> None:
    runs = [data.evaluation("group", 8, seed=seed) for seed in range(3)]
    for run, dead in zip(runs, (6, 1, 2), strict=True):
        run.columns.update(dead_units=dead, participation_ratio=dead)
    figures = {figure.name: figure for figure in draw(runs, {})}
    use = figures["latent_use"]
    assert "“group” has the most dead units: 3. " in use.caption
    assert "the line is that of the first" in use.caption
    legend = [text.get_text() for text in use.figure.legends[0].get_texts()]
    assert legend == ["group: 3 of 8 dead, 3 effective"]
    assert "map trustworthiness" in figures["latent_maps"].figure.axes[0].get_title()


def test_an_overcomplete_latent_is_called_so(data: FakeData) -> None:
    run = data.evaluation("large", 800)
    run.columns["pca_ratio"] = np.nan
    said = captions(draw([run], {data.key: data.floors()}))
    assert "overcomplete" in said["rate_distortion"]
    assert "etter" not in said["rate_distortion"]


def test_only_denoising_runs_have_hollow_marks(data: FakeData) -> None:
    floors = {data.key: data.floors()}
    assert "hollow" not in captions(draw([data.evaluation()], floors))["rate_distortion"]
    noisy = data.evaluation("noisy", 8, noise=0.3)
    assert "hollow" in captions(draw([noisy], floors))["rate_distortion"]


def test_seeds_share_a_colour_and_a_panel(data: FakeData) -> None:
    runs = [data.evaluation("group", 8, 0.2, seed) for seed in range(6)]
    figures = draw([*runs, data.evaluation("other", 8)], {})
    assert [figure.name for figure in figures] == KINDS
    loss, other = figures[0].figure, [figure.figure for figure in figures if "use" in figure.name]
    colors = [line.get_color() for line in loss.axes[0].lines]
    assert colors == [plotting.RUN_COLORS[0]] * 12 + [plotting.RUN_COLORS[1]] * 2
    legend = [text.get_text() for text in loss.legends[0].get_texts()]
    assert legend == ["group", "other"]
    assert [line.get_color() for line in other[0].axes[0].lines[:2]] == [*plotting.RUN_COLORS[:2]]


def test_losses_that_have_nothing_in_common_are_not_drawn_together(data: FakeData) -> None:
    variational = data.evaluation("vae")
    variational = dataclasses.replace(
        variational,
        config=variational.config | {"model": {"likelihood": {"_target_": "Gaussian"}}},
        history=[{"epoch": n, "train/loss": 50.0 - n, "val/loss": -600.0 - n} for n in (1, 2)],
    )
    first, second = draw([data.evaluation("plain"), variational], {})[:2]
    assert (first.name, second.name) == ("loss", "loss_2")
    assert "different likelihoods" in first.caption
    assert second.caption == "The lowest validation loss is -602, of “vae”."
    axes = [figure.figure.axes[0] for figure in (first, second)]
    assert [one.get_yscale() for one in axes] == ["log", "linear"]
    assert [one.get_ylabel() for one in axes] == ["loss", "loss, nats an image"]
    assert list(axes[1].lines[1].get_ydata()) == [-601, -602]
    assert len(axes[0].lines) == len(axes[1].lines) == 2


def test_many_runs_are_paged(data: FakeData) -> None:
    runs = [data.evaluation(f"model.channels=[16,32,{n}],noise=gaussian", n) for n in range(1, 11)]
    figures = draw(runs, {data.key: data.floors()})
    pages = [figure for figure in figures if figure.name.startswith("extremes")]
    assert [figure.name for figure in pages] == ["extremes", "extremes_2", "extremes_3"]
    assert [figure.page for figure in pages] == [1, 2, 3]
    assert "(2 of 3)" in pages[1].title
    assert len({plotting.run_style(index) for index in range(49)}) == 49
    # The legend of ten long labels is within the picture.
    loss = figures[0].figure
    loss.canvas.draw()
    box = loss.legends[0].get_window_extent()
    assert box.x0 >= 0
    assert box.y0 >= 0
    assert box.x1 <= loss.bbox.x1


def test_each_data_set_has_its_own_figures(data: FakeData) -> None:
    colour = FakeData(60, 16, 3, "Colour")
    runs = [data.evaluation(), colour.evaluation("rgb", 4, 0.2)]
    figures = draw(runs, {data.key: data.floors(), colour.key: colour.floors()})
    names = [figure.name for figure in figures]
    assert names[0] == "loss"
    assert names[1:3] == ["reconstructions_garments", "reconstructions_colour"]
    assert len(set(names)) == len(names) == 1 + 2 * (len(KINDS) - 1)


def test_data_sets_of_one_name_have_files_of_their_own(data: FakeData) -> None:
    run = data.evaluation()
    other = dataclasses.replace(data.evaluation("other"), data_key="key2")
    names = [figure.name for figure in draw([run, other], {})]
    assert len(set(names)) == len(names) == 1 + 2 * (len(KINDS) - 1)


@pytest.mark.parametrize("latent_size", [1, 2])
def test_small_latents(data: FakeData, latent_size: int) -> None:
    run = data.evaluation(latent_size=latent_size)
    for figure in draw([run], {data.key: data.floors()}):
        assert_drawn(figure)


def without_numbers(run: Evaluation) -> Evaluation:
    """The run as if its network had diverged."""
    nan = np.float32(np.nan)
    examples = {
        name: getattr(run, name)._replace(reconstructions=getattr(run, name).reconstructions * nan)
        for name in ("shown", "best", "median", "worst")
    }
    return dataclasses.replace(
        run,
        group="diverged",
        columns=dict.fromkeys(run.columns, np.nan),
        history=[{"epoch": 1.0, "train/loss": np.nan}],
        image_mse=run.image_mse * nan,
        latents=run.latents * nan,
        latent_variances=run.latent_variances * nan,
        robustness={},
        pca_map=run.pca_map * nan,
        tsne_map=run.tsne_map * nan,
        map_trustworthiness={},
        generated=dataclasses.replace(
            run.generated,
            # Those of real images are known all the same.
            nearest_mse={
                **dict.fromkeys(run.generated.nearest_mse, np.nan),
                "test": 0.01,
                "mix": 0.02,
            },
            sharpness={**dict.fromkeys(run.generated.sharpness, np.nan), "test": 0.08},
            neighbour_mse=run.generated.neighbour_mse * nan,
        ),
        **examples,
    )


@pytest.mark.filterwarnings("error")
def test_numbers_that_are_missing(data: FakeData) -> None:
    broken = without_numbers(data.evaluation())
    alone = draw([broken], {data.key: data.floors()})
    beside = draw([broken, data.evaluation()], {data.key: data.floors()})
    for figure in [*alone, *beside]:
        assert_drawn(figure)
        assert "nan" not in figure.caption


def test_a_figure_is_a_file_of_its_pixels(tmp_path: Path, data: FakeData) -> None:
    figure = draw([data.evaluation()], {})[0]
    width, height = figure.figure.get_size_inches()
    assert size(figure) == pytest.approx((130 * width, 130 * height), abs=2)
    assert figure.width == pytest.approx(96 * width, abs=1)


def test_a_name_is_no_formula(data: FakeData) -> None:
    name = r"$x_1$, $\frac{$, ${x}"
    figures = draw([data.evaluation(name, 8, 0.2)], {data.key: data.floors()})
    for figure in figures:
        assert_drawn(figure)
    loss = figures[0].figure
    (label,) = loss.legends[0].get_texts()
    assert (label.get_text(), label.get_parse_math()) == (name, False)


def test_long_names_keep_both_ends() -> None:
    text = plotting.shortened("model.channels=[16,32,64],noise=gaussian,optimizer.lr=0.001", 30)
    assert len(text) == 30
    assert text.startswith("model.channels")
    assert text.endswith("lr=0.001")


def test_pictures_are_small_and_look_the_same(data: FakeData) -> None:
    figures = {figure.name: figure for figure in draw([data.evaluation()], {})}
    for name, mode in (("samples", "L"), ("loss", "P")):
        picture = Image.open(io.BytesIO(figures[name].png))
        assert picture.mode == mode
        file = io.BytesIO()
        figures[name].figure.savefig(file, dpi=130)
        drawn = Image.open(file)
        pixels = [np.asarray(one.convert("RGB"), np.int16) for one in (picture, drawn)]
        assert np.abs(pixels[0] - pixels[1]).max() <= (0 if mode == "L" else 24)
        assert len(figures[name].png) < file.tell()
