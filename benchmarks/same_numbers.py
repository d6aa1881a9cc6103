"""The numbers of a commit beside those of this tree: shows that a refactor changed none.

    python benchmarks/same_numbers.py COMMIT

Trains every model of the commit with and without noise, a few steps on synthetic garments, and
reports on them: in a worktree of the commit, and in this tree with its uncommitted changes. What
the two hold is compared bit by bit, except for times. Exits with 0 only if all is equal; what is
new in this tree is named, and is a failure with `--strict`. `--models vae,residual` compares these
alone.
"""

import argparse
import csv
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import torch

ROOT = Path(__file__).resolve().parent.parent

# What is measured with a clock, in metrics.json and in the tables: not compared.
TIMES = {"seconds", "train_seconds", "train_seconds_std"}
TIMES |= {"images_per_second", "images_per_second_std"}

NOISES = ("none", "gaussian")
# Images are small as some costs grow with the third power of the latent's size; and the latent maps
# are pictures alone.
TRAINING = (
    "name=sweep hydra.sweep.subdir=${hydra:runtime.choices.model}_${hydra:runtime.choices.noise}"
    " data=synthetic data.image_size=20 data.train_size=288 data.test_size=40 data.val_size=32"
    " data.batch_size=64 seed=0 trainer=cpu trainer.max_epochs=2 callbacks.latent_maps=null"
)
REPORT = "device=cpu noise_stds=[0,0.3] max_points=40 knn_points=40 samples_per_class=3"

RUN_FILES = ("metrics.json", "metrics.csv", "checkpoints/best.ckpt", "checkpoints/last.ckpt")
SWEEP_FILES = ("results.csv", "report/results.csv", "report/runs.csv")


def models(tree: Path) -> set[str]:
    """Names of the models that a tree describes."""
    return {path.stem for path in tree.glob("conf/model/*.yaml")}


def sweep(tree: Path, folder: Path, names: list[str]) -> Path:
    """The folder of a sweep over the models, trained and reported on by the code of a tree."""
    folder.mkdir()
    package = python(tree, folder, "-c", "import autoencoder; print(autoencoder.__file__)").strip()
    if not Path(package).is_relative_to(tree):
        sys.exit(f"{tree} would be run with {package}")
    grid = f"model={','.join(names)}", f"noise={','.join(NOISES)}"
    python(tree, folder, f"{tree}/train.py", "-m", *grid, *TRAINING.split())
    python(tree, folder, f"{tree}/evaluate.py", "run=multirun/sweep", *REPORT.split())
    return folder / "multirun/sweep"


def python(tree: Path, folder: Path, *arguments: str) -> str:
    """What Python printed, run in a folder with the code of a tree; exits where it failed."""
    # One thread, as several share a sum out differently.
    settings = {"PYTHONPATH": str(tree), "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    command, env = [sys.executable, *arguments], os.environ | settings
    ran = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True)
    if ran.returncode:
        sys.exit(f"{ran.stdout[-5000:]}\n{ran.stderr[-5000:]}\nfailed: {' '.join(command)}")
    return ran.stdout


def numbers(path: Path) -> dict[str, Any]:
    """The tensors of a checkpoint, or the numbers of a text file as they are written, by name."""
    if not path.exists():
        return {}
    if path.suffix == ".ckpt":
        return dict(torch.load(path, map_location="cpu", weights_only=True)["state_dict"])
    if path.suffix == ".json":
        values = json.loads(path.read_text())
        return {key: json.dumps(value) for key, value in values.items() if key not in TIMES}
    with path.open(newline="") as file:
        first, *columns = next(reader := csv.reader(file))
        # The first column names the row: an epoch, or a run.
        return {
            f"{first} {row[0]}: {column}": value
            for row in reader
            for column, value in zip(columns, row[1:], strict=True)
            if column not in TIMES
        }


def difference(old: Any, new: Any) -> str:
    """The old and the new value, of a tensor the first that differs; empty if all bits agree."""
    if not isinstance(old, torch.Tensor):
        return "" if old == new else f"{old or 'nothing'} -> {new or 'nothing'}"
    if (old.dtype, old.shape) != (new.dtype, new.shape):
        return f"{old.dtype} {tuple(old.shape)} -> {new.dtype} {tuple(new.shape)}"
    # Bytes, as NaN equals nothing and 0 equals -0; a row for each value.
    old, new = (x.clone(memory_format=torch.contiguous_format).view(-1, 1) for x in (old, new))
    places = (old.view(torch.uint8) != new.view(torch.uint8)).any(dim=1).nonzero().flatten()
    if len(places) == 0:
        return ""
    values = f"{old[places[0]].item()!r} -> {new[places[0]].item()!r}"
    return f"{values} ({len(places)} of {len(old)} values differ)"


def compare(old: Path, new: Path, names: list[str], strict: bool) -> bool:
    """Prints a line for each file of two sweeps, and the counts; whether all is equal."""
    runs = [f"{name}_{noise}" for name in names for noise in NOISES]
    files = [f"{run}/{file}" for run in runs for file in RUN_FILES] + list(SWEEP_FILES)
    n_different = n_values = n_new = 0
    for file in files:
        before, after = numbers(old / file), numbers(new / file)
        common = [key for key in before if key in after]
        pairs = ((key, difference(before[key], after[key])) for key in common)
        changed = [f"{key} {text}" for key, text in pairs if text]
        vanished = [key for key in before if key not in after]
        added = [key for key in after if key not in before]
        different = bool(changed or vanished or not before or (strict and added))
        words = [] if before else ["not in the old tree"]
        for kind, keys in (("changed", changed), ("vanished", vanished), ("new", added)):
            if keys:
                more = ["..."] if len(keys) > 4 else []
                words.append(f"{len(keys)} {kind}: {'; '.join(keys[:4] + more)}")
        print("; ".join([f"{file}: {'different' if different else 'equal'}", *words]))
        n_different += different
        n_values += len(before)
        n_new += len(added)
    counts = f"{len(files) - n_different} equal, {n_different} different"
    print(f"{len(files)} files, {n_values} numbers and tensors: {counts}; {n_new} new keys")
    return n_different == 0


def main() -> None:
    """Trains both and compares."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("commit", help="whose numbers are right")
    parser.add_argument("--models", help="those to compare, separated by commas; default: all")
    parser.add_argument("--strict", action="store_true", help="what is new is a failure as well")
    arguments = parser.parse_args()

    worktree = ["git", "-C", str(ROOT), "worktree"]
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary).resolve()
        tree = folder / "tree"
        subprocess.run([*worktree, "add", "-q", "--detach", tree, arguments.commit], check=True)
        try:
            old, new = models(tree), models(ROOT)
            asked = set(arguments.models.split(",")) if arguments.models else old | new
            for name in sorted(asked - (old & new)):
                lacking = " or the ".join(["old"] * (name not in old) + ["new"] * (name not in new))
                print(f"{name}: not compared, it is not in the {lacking} tree")
            names = sorted(asked & old & new)
            if not names:
                sys.exit("no model to compare")
            print("training", *names, flush=True)
            before, after = (sweep(x, folder / y, names) for x, y in ((tree, "old"), (ROOT, "new")))
            equal = compare(before, after, names, arguments.strict)
        finally:
            subprocess.run([*worktree, "remove", "--force", tree], check=True)
    sys.exit(not equal)


if __name__ == "__main__":
    main()
