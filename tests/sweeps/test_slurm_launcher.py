"""What is said where there is no Slurm; jobs of a real one are in tests/slurm."""

import os
import subprocess
import sys
from pathlib import Path

from tests.conftest import TINY

TRAIN = Path(__file__).parents[2] / "train.py"


def test_slurm_without_its_commands_is_said_in_one_line(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(TRAIN), "-m", "hydra/launcher=slurm", "seed=0,1", *TINY],
        cwd=tmp_path, env={**os.environ, "PATH": "/nowhere"}, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr == "error: hydra/launcher=slurm: there is no srun on this machine\n"
