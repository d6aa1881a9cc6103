"""The environment: versions and hardware, which seeds alone do not fix."""

import os
import platform
import shlex
import subprocess
import sys
from datetime import datetime
from pathlib import Path

from omegaconf import OmegaConf

# Those whose versions change numbers.
PACKAGES = (
    "autoencoder-experiments",
    "torch",
    "lightning",
    "torchmetrics",
    "scikit-learn",
    "numpy",
)


def environment() -> dict[str, str]:
    """What this process runs and where: command, commit, date, versions, processor, threads, GPUs.

    As many threads repeat the numbers to the last digit; others add up in another order.
    """
    return {
        "command": shlex.join([*program("train"), *sys.argv[1:]]),
        "git": _git(),
        "date": datetime.now().astimezone().isoformat(timespec="seconds"),
        "python": platform.python_version(),
        **{package: _version(package) for package in PACKAGES},
        "system": f"{platform.system()} {platform.release()}",
        "processor": f"{_processor()}, {os.cpu_count()} cores",
        "threads": _threads(),
        "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "not set"),
        "gpus": _gpus(),
    }


def program(name: str) -> list[str]:
    """The words that start one of the programs, in the way that this process was started.

    Args:
        name: `train`, `evaluate` or `pack`: `python train.py` in a checkout, else
            `autoencoder-train`.
    """
    script = Path(sys.argv[0])
    if script.name in ("train.py", "evaluate.py", "pack.py"):
        return ["python", str(script.with_name(f"{name}.py"))]
    return [f"autoencoder-{name}"]


# For the examples of --help.
OmegaConf.register_new_resolver("program", lambda name: shlex.join(program(name)), replace=True)


def hardware(environment: dict[str, str]) -> str:
    """The hardware of an environment, in words."""
    gpus = environment["gpus"]
    return environment["processor"] + (f"; {gpus}" if gpus != "none" else "; no GPU")


def _git() -> str:
    """The commit of the code, and whether it was changed since."""

    def git(*words: str) -> str:
        folder = Path(__file__).parent
        return subprocess.run(
            ["git", *words], cwd=folder, capture_output=True, text=True, check=True
        ).stdout.strip()

    try:
        # The package may be installed inside of a repository that is not its own.
        git("ls-files", "--error-unmatch", Path(__file__).name)
        return git("rev-parse", "HEAD") + (" with changes" if git("status", "--porcelain") else "")
    except (OSError, subprocess.CalledProcessError):
        return "no git checkout"


def _version(package: str) -> str:
    # A mail parser comes with it, for which `--help` need not wait.
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text(errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _threads() -> str:
    torch = sys.modules.get("torch")
    return "unknown" if torch is None else str(torch.get_num_threads())


def _gpus() -> str:
    # A process that has not imported torch uses no GPU.
    torch = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_available():
        return "none"
    return ", ".join(
        torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())
    )
