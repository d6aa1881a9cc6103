"""The rows of a run: what they say of each epoch, and of all of them."""

import csv
import json
import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import lightning as L
import pytest
from tensorboard.backend.event_processing.data_provider import MultiplexerDataProvider
from tensorboard.backend.event_processing.plugin_event_multiplexer import EventMultiplexer
from tensorboard.context import RequestContext
from tensorboard.plugins.base_plugin import TBContext
from tensorboard.plugins.custom_scalar.custom_scalars_plugin import CustomScalarsPlugin
from tensorboard.plugins.scalar.scalars_plugin import ScalarsPlugin

from autoencoder.callbacks import History, TensorBoard, history
from tests.callbacks.conftest import Fit, garments


class Clock(L.Callback):
    """A clock that stands still but for two seconds a step, in each epoch more, and the validation.

    It notes what the trainer knows at the end of each epoch as well.
    """

    def __init__(self) -> None:
        self.now = 100.0
        self.seen: list[dict[str, float]] = []

    def perf_counter(self) -> float:
        return self.now

    def on_train_batch_end(self, trainer: L.Trainer, *_: Any) -> None:
        self.now += 2 * (trainer.current_epoch + 1)

    def on_validation_batch_end(self, *_: Any) -> None:
        self.now += 5

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self.seen.append({name: value.item() for name, value in trainer.callback_metrics.items()})


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    found = Clock()
    monkeypatch.setattr(history, "time", SimpleNamespace(perf_counter=found.perf_counter))
    return found


def test_a_row_has_the_epochs_own_numbers(fit: Fit, clock: Clock, tmp_path: Path) -> None:
    rows = History()
    fit(garments(), rows, clock)
    assert [row["epoch"] for row in rows.rows] == [1, 2, 3]
    assert [row["lr"] for row in rows.rows] == [0.01] * 3
    for name in ("train/loss", "val/loss", "val/mse"):
        assert [row[name] for row in rows.rows] == [seen[name] for seen in clock.seen]
        assert len({row[name] for row in rows.rows}) == 3
    written = list(csv.DictReader((tmp_path / "metrics.csv").open()))
    assert [{name: float(value) for name, value in row.items()} for row in written] == rows.rows


def test_the_speed_is_that_of_the_training_alone(fit: Fit, clock: Clock) -> None:
    rows = History()
    fit(garments(), rows, clock)
    # Three steps of 16 images, of 2, 4 and 6 seconds each, and 5 seconds for the validation.
    assert [row["seconds"] for row in rows.rows] == [6 + 5, 12 + 5, 18 + 5]
    assert [row["images_per_second"] for row in rows.rows] == [48 / 6, 48 / 12, 48 / 18]
    assert rows.train_seconds == 36 + 15
    assert rows.images_per_second == pytest.approx(3 * 48 / 36)


@pytest.mark.parametrize(
    ("train_size", "limit", "images"), [(58, 2, 32), (60, 1.0, 50), (58, 1.0, 48)]
)
def test_the_speed_counts_the_images_that_were_trained_on(
    fit: Fit, clock: Clock, train_size: int, limit: float, images: int
) -> None:
    rows = History()
    data = garments(train_size=train_size)
    fit(data, rows, clock, max_epochs=1, limit_train_batches=limit)
    steps = -(-images // 16)
    assert rows.images_per_second == images / (2 * steps)


def test_an_epoch_without_validation_has_no_number_of_one(fit: Fit) -> None:
    rows = History()
    fit(garments(), rows, check_val_every_n_epoch=2)
    assert ["val/mse" in row for row in rows.rows] == [False, True, False]
    assert all("train/loss" in row for row in rows.rows)


def test_the_best_row_is_that_of_the_smallest() -> None:
    rows = History()
    assert rows.images_per_second == 0
    rows.load_state_dict({"rows": [{"epoch": 1, "a": 3.0}, {"epoch": 2, "a": 1.0}, {"epoch": 3}]})
    assert rows.best("a") == {"epoch": 2, "a": 1.0}
    assert rows.state_dict() == {"rows": rows.rows}


def test_the_loss_curve_is_that_of_the_rows(fit: Fit, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: dict[str, Any] = {}
    monkeypatch.setattr(history, "save_figure", lambda _, *saved: drawn.update([saved]))
    rows = History()
    fit(garments(), rows, check_val_every_n_epoch=2)
    (axes,) = drawn["loss_curve"].axes
    lines = {line.get_label(): line for line in axes.lines}
    known = [row for row in rows.rows if "val/loss" in row]
    for label, name, of in (("train", "train/loss", rows.rows), ("validation", "val/loss", known)):
        assert lines[label].get_xdata().tolist() == [row["epoch"] for row in of]
        assert lines[label].get_ydata().tolist() == [row[name] for row in of]
    assert math.isfinite(axes.get_ylim()[0])


def test_the_line_of_an_epoch_says_how_long_it_will_take(
    fit: Fit, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("INFO"):
        fit(garments(), History(), clock)
    lines = [text for text in caplog.messages if text.startswith("epoch")]
    assert lines[0].startswith("epoch   1/3  train/loss 0.")
    # Two more of 11 seconds; one more of the mean of 11 and 17.
    assert [line.rpartition("images/s")[2].strip() for line in lines] == [
        *("0:22 left", "0:14 left", ""),
    ]
    assert "  8 images/s" in lines[0]


def test_tensorboard_has_the_losses_of_all_runs_in_one_chart(fit: Fit, tmp_path: Path) -> None:
    """As its own code reads them: it merges the layouts of the runs, and finds a chart's curves."""
    for run in ("first", "second"):
        fit(garments(), History(), logger=TensorBoard(tmp_path, run, "", default_hp_metric=False))
    multiplexer = EventMultiplexer().AddRunsFromDirectory(str(tmp_path)).Reload()
    context = TBContext(
        data_provider=MultiplexerDataProvider(multiplexer, str(tmp_path)),
        plugin_name_to_instance={},
    )
    context.plugin_name_to_instance["scalars"] = ScalarsPlugin(context)
    tab, request = CustomScalarsPlugin(context), RequestContext()
    (category,) = json.loads(tab.layout_impl(request, ""))["category"]
    (chart,) = category["chart"]
    for run in ("first", "second"):
        found = [tab.scalars_impl(request, run, tag, "") for tag in chart["multiline"]["tag"]]
        curves = [name for one in found for name in one["tag_to_events"]]
        assert curves == ["train/loss", "val/loss"]
        assert all(len(points) == 3 for one in found for points in one["tag_to_events"].values())
