import logging

import pytest
from hydra.core.utils import JobReturn, JobStatus
from omegaconf import DictConfig, OmegaConf

from autoencoder.sweeps.progress import SweepProgress


class TrialPruned(Exception):  # noqa: N818  (the name that Optuna gave it)
    pass


def config(number: int) -> DictConfig:
    return OmegaConf.create(
        {
            "optimized_metric": "test/mse",
            "hydra": {
                "job": {"num": number},
                "sweep": {"subdir": f"seed-{number}"},
                "sweeper": {"params": {"noise": "none,gaussian"}},
                "overrides": {"task": ["seed=0,1", "name=x"]},
            },
        }
    )


def returned(value: object) -> JobReturn:
    job = JobReturn(
        status=JobStatus.FAILED if isinstance(value, Exception) else JobStatus.COMPLETED
    )
    job.return_value = value
    return job


def line(progress: SweepProgress, number: int, value: object) -> None:
    progress.on_job_start(config(number))
    progress.on_job_end(config(number), returned(value))


def test_a_line_for_each_run(caplog: pytest.LogCaptureFixture) -> None:
    progress = SweepProgress(fail_fast=False)
    progress.on_multirun_start(config(0))
    with caplog.at_level(logging.INFO):
        line(progress, 0, 0.0123456)
        line(progress, 1, ValueError("too small"))
        line(progress, 2, TrialPruned("val/mse=0.1"))
    messages = [record.message.strip() for record in caplog.records]
    assert messages[0].startswith("run 1 of 4: seed-0: test/mse 0.012346  0:00:00 left")
    assert messages[1].startswith("run 2 of 4: seed-1: failed: ValueError('too small')")
    assert messages[2].startswith("run 3 of 4: seed-2: pruned: val/mse=0.1")


def test_fail_fast_ends_at_a_failure_but_not_at_a_pruned_run() -> None:
    progress = SweepProgress(fail_fast=True)
    progress.on_multirun_start(config(0))
    line(progress, 0, TrialPruned("val/mse=0.1"))
    with pytest.raises(SystemExit, match="first failed run"):
        line(progress, 1, ValueError("too small"))


def test_a_single_run_has_no_line(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        line(SweepProgress(fail_fast=True), 0, 0.1)
    assert not caplog.records
