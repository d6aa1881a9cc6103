"""TensorBoard's HPARAMS tab, as its own code reads it."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tensorboard.backend.event_processing.data_provider import MultiplexerDataProvider
from tensorboard.backend.event_processing.plugin_event_multiplexer import EventMultiplexer
from tensorboard.context import RequestContext
from tensorboard.plugins.base_plugin import TBContext
from tensorboard.plugins.hparams.backend_context import Context

from autoencoder.callbacks import HyperParameters, TensorBoard

RUNS: list[dict[str, Any]] = [
    {"batch_size": 128, "noise": "none", "channels": [16, 32]},
    {"batch_size": 128, "noise": "gaussian", "channels": [16, 32], "noise.std": 0.3},
]


@pytest.fixture
def experiment(tmp_path: Path) -> Any:
    """What TensorBoard makes of two runs."""
    for number, values in enumerate(RUNS):
        logger = TensorBoard(tmp_path, f"{number}", "", default_hp_metric=False)
        trainer: Any = SimpleNamespace(loggers=[logger])
        callback = HyperParameters(values)
        callback.on_fit_start(trainer, None)  # type: ignore[arg-type]  # no use for a model
        logger.log_metrics({"test/mse": 0.01 * number, "epoch": 3}, step=7)
        callback.on_test_end(trainer, None)  # type: ignore[arg-type]
        logger.finalize("success")
    multiplexer = EventMultiplexer().AddRunsFromDirectory(str(tmp_path)).Reload()
    context = Context(TBContext(data_provider=MultiplexerDataProvider(multiplexer, str(tmp_path))))
    request = RequestContext()
    return context.experiment_from_metadata(
        request, "", True, context.hparams_metadata(request, ""), [], hparams_limit=100
    )


def test_what_differs_comes_first_and_what_one_run_alone_has_is_there(experiment: Any) -> None:
    values = {value.name: value.differs for value in experiment.hparam_infos}
    assert values == {"noise": True, "batch_size": False, "channels": False, "noise.std": False}
    assert next(iter(values)) == "noise"


def test_every_curve_is_a_metric_and_epochs_are_no_curve(experiment: Any) -> None:
    assert [metric.name.tag for metric in experiment.metric_infos] == ["test/mse"]
