"""The processes of a distributed run; what they compute is in test_train."""

from pathlib import Path

import pytest

from autoencoder.experiment.launch import ProcessError
from autoencoder.experiment.train import train
from tests.conftest import Compose


@pytest.mark.slow
def test_an_error_of_a_process_reads_as_in_one_process(
    tiny: Compose, capfd: pytest.CaptureFixture[str]
) -> None:
    cfg = tiny("trainer=ddp_cpu", "optimizer.lr=1e30")
    with pytest.raises(ProcessError, match=r"^the loss is \w+ in epoch 1, step \d+; try a smaller"):
        train(cfg)
    error = (Path(cfg.run_dir) / "error.txt").read_text()
    assert error.startswith("the loss is")
    assert "in _process" in error  # its traceback, for who has to look further
    assert "Traceback" not in capfd.readouterr().err
