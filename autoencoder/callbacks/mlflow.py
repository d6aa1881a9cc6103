"""A run in MLflow."""

import logging
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lightning.fabric.loggers.logger import rank_zero_experiment
from lightning.pytorch.loggers import MLFlowLogger
from lightning.pytorch.utilities import rank_zero_only

from autoencoder import runs
from autoencoder.callbacks.trackers import TrackerError, check_installed, sweep_of
from autoencoder.runs.files import write_text
from autoencoder.runs.lock import held

if TYPE_CHECKING:
    from mlflow import MlflowClient  # optional, and slow to import

# Of the run, in its directory: one that is resumed goes on in the same run of MLflow.
_ID = "mlflow_run_id"
_DEFAULT_URI = "sqlite:///mlflow.db"


class MLflow(MLFlowLogger):
    """Lightning's logger, with the sweep as parent of its runs, and the best checkpoint.

    A run of MLflow has the name of the run directory, and that as its tag `run_dir`. It goes on
    where the run does. `log_dir` of Lightning's trainer is None where this logger is the only one.

    Args:
        run_dir: The run directory.
        experiment_name: Of the experiment in MLflow, which is made if it is missing.
        tracking_uri: A server or a database; None: the environment's `MLFLOW_TRACKING_URI`, or
            `mlflow.db` in the working directory.
        checkpoint: Whether `checkpoints/best.ckpt` is uploaded when the run is trained.

    Raises:
        TrackerError: If MLflow is missing, can't keep runs there, or does not answer.
    """

    def __init__(
        self,
        run_dir: str,
        experiment_name: str,
        tracking_uri: str | None = None,
        checkpoint: bool = True,
    ) -> None:
        check_installed("mlflow")
        # Nobody is told of a run but who was named; and an answer is waited for in seconds.
        os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
        os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "3")
        os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")
        for name in ("mlflow", "alembic"):
            logging.getLogger(name).setLevel(logging.WARNING)
        self._run_dir = Path(run_dir)
        self._uri = tracking_uri or os.environ.get("MLFLOW_TRACKING_URI") or _DEFAULT_URI
        self._checkpoint = checkpoint
        self._uploaded = 0.0
        self._parent: str | None = None
        with self._answering():
            super().__init__(experiment_name, tracking_uri=self._uri)
            self._mlflow_client.get_experiment_by_name(experiment_name)  # or it ends here

    @property
    @rank_zero_experiment
    def experiment(self) -> "MlflowClient":
        """MLflow's client; at first, the run is made there, or taken up again."""
        if not self._initialized:
            with self._answering():
                self._begin(self._mlflow_client)
            self._initialized = True
        return self._mlflow_client

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Writes a point of each curve."""
        with self._answering():
            super().log_metrics(metrics, step)

    @rank_zero_only
    def finalize(self, status: str = "success") -> None:
        """Ends the run, after its fit and after its test, with the best checkpoint."""
        if not self._initialized:
            return
        best = self._run_dir / runs.BEST
        with self._answering():
            if status == "success" and self._checkpoint and best.exists():
                changed = best.stat().st_mtime
                if changed != self._uploaded:
                    self.experiment.log_artifact(self.run_id, str(best), "checkpoints")
                self._uploaded = changed
            super().finalize(status)
            if self._parent is not None:  # ends with the last of its runs
                self.experiment.set_terminated(self._parent)

    def _begin(self, client: "MlflowClient") -> None:
        from mlflow.entities import LifecycleStage, RunStatus
        from mlflow.exceptions import MlflowException
        from mlflow.utils.mlflow_tags import MLFLOW_PARENT_RUN_ID

        known = self._run_dir / _ID
        if known.exists():
            try:
                run = client.get_run(known.read_text().strip())
            except MlflowException:  # of another server
                run = None
            if run is not None and run.info.lifecycle_stage == LifecycleStage.ACTIVE:
                client.update_run(run.info.run_id, RunStatus.to_string(RunStatus.RUNNING))
                self._run_id, self._experiment_id = run.info.run_id, run.info.experiment_id
                self._parent = run.data.tags.get(MLFLOW_PARENT_RUN_ID)
                return
        self._experiment_id = _experiment_id(client, self._experiment_name)
        tags = {"run_dir": str(self._run_dir.absolute())}
        if sweep := sweep_of(self._run_dir):
            self._parent = _parent_id(client, self._experiment_id, sweep)
            client.update_run(self._parent, RunStatus.to_string(RunStatus.RUNNING))
            tags[MLFLOW_PARENT_RUN_ID] = self._parent
        self._run_id = _create_run(client, self._experiment_id, self._run_dir.name, tags)
        write_text(known, self._run_id + "\n")
        config = self._run_dir / runs.CONFIG
        if config.exists():
            client.log_artifact(self._run_id, str(config))

    @contextmanager
    def _answering(self) -> Iterator[None]:
        """Turns what MLflow says of its store or of its server into one line."""
        from mlflow.exceptions import MlflowException

        try:
            yield
        except (MlflowException, OSError) as error:
            said = str(error).strip().partition("\n")[0]
            raise TrackerError(
                f"MLflow can't keep the run in {self._uri}; logger.mlflow.tracking_uri or "
                f"MLFLOW_TRACKING_URI is a database, as {_DEFAULT_URI}, or a server that answers, "
                f"as http://localhost:5000: {said}"
            ) from error


def _experiment_id(client: "MlflowClient", name: str) -> str:
    from mlflow.exceptions import MlflowException

    found = client.get_experiment_by_name(name)
    if found is None:
        try:
            return str(client.create_experiment(name))
        except MlflowException:
            found = client.get_experiment_by_name(name)
            if found is None:
                raise  # another run has not made it meanwhile
    return str(found.experiment_id)


def _create_run(client: "MlflowClient", experiment: str, name: str, tags: dict[str, Any]) -> str:
    from mlflow.tracking.context.registry import resolve_tags

    run = client.create_run(experiment, tags=resolve_tags(tags), run_name=name)
    return str(run.info.run_id)


def _parent_id(client: "MlflowClient", experiment: str, sweep: Path) -> str:
    """The run of MLflow that stands for a sweep: its first run makes it, the others find it."""
    while True:
        with held(sweep / ".mlflow.lock") as free:
            if free:
                place = str(sweep).replace("'", "_")  # it would end the text
                found = client.search_runs([experiment], f"tags.sweep = '{place}'", max_results=1)
                if found:
                    return str(found[0].info.run_id)
                return _create_run(client, experiment, sweep.name, {"sweep": place})
        time.sleep(0.2)
