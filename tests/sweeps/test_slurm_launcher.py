"""What is said where there is no Slurm; jobs of a real one are in tests/slurm."""

import os
import subprocess
import sys
from pathlib import Path

from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra

from autoencoder.commandline.configs import CONF_DIR
from autoencoder.sweeps import plugins
from tests.conftest import TINY

TRAIN = Path(__file__).parents[2] / "train.py"


def test_anything_else_that_sbatch_takes_may_be_asked_for() -> None:
    plugins.register()
    words = ["hydra/launcher=slurm", "hydra.launcher.additional_parameters={mail-type: END}"]
    GlobalHydra.instance().clear()
    with initialize_config_dir(str(CONF_DIR), version_base="1.3"):
        cfg = compose("train", ["name=x", *words], return_hydra_config=True)
    assert cfg.hydra.launcher.additional_parameters == {"mail-type": "END"}


def test_slurm_without_its_commands_is_said_in_one_line(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(TRAIN), "-m", "hydra/launcher=slurm", "seed=0,1", *TINY],
        cwd=tmp_path, env={**os.environ, "PATH": "/nowhere"}, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr == "error: hydra/launcher=slurm: there is no srun on this machine\n"
