"""What the tests of a report's words share: runs with made-up numbers, and what is said of them."""

import dataclasses

from autoencoder.report.measure.evaluation import Evaluation
from autoencoder.report.write.findings import findings
from autoencoder.report.write.rows import group
from tests.report.fakes import FakeData

GAUSSIAN = {"_target_": "autoencoder.data.noise.GaussianNoise", "std": 0.3, "clip": True}


def change(run: Evaluation, *, noise: bool = False, seed: int = 0, **columns: float) -> Evaluation:
    return dataclasses.replace(
        run,
        columns=run.columns | columns,
        config=run.config | {"seed": seed} | ({"noise": GAUSSIAN} if noise else {}),
        differences={"model": run.group, "noise": "gaussian" if noise else "none"},
    )


def told(*runs: Evaluation) -> str:
    return "\n".join(findings(group(runs), {}))


def small(data: FakeData, name: str = "small", **columns: float) -> Evaluation:
    numbers = {"mse": 0.02, "clean_mse": 0.02, "psnr": 17.0, "pca_ratio": 0.5}
    return change(data.evaluation(name, 8), **(numbers | columns))


def noisy(data: FakeData) -> Evaluation:
    numbers = {"mse": 0.05, "clean_mse": 0.03, "psnr": 13.0, "pca_ratio": 0.75}
    floors = {"input_psnr": 10.5, "linear_psnr": 14.0}
    run = change(data.evaluation("noisy", 8), noise=True, **numbers, **floors)
    return dataclasses.replace(run, robustness={0.0: 15.2, 0.3: 13.0})


def generating(data: FakeData, name: str, frechet: float, **columns: float) -> Evaluation:
    floors = {"frechet_floor": 0.5, "precision_floor": 0.91, "recall_floor": 0.92}
    numbers = {"frechet": frechet, "precision": 0.8, "recall": 0.7, **floors}
    run = small(data, name, **numbers, named_as_asked_floor=0.924, **columns)
    return dataclasses.replace(run, generation={"prior": f"the prior of {name}", "classifier": "x"})


def recipes(data: FakeData) -> tuple[Evaluation, Evaluation]:
    """Two runs that were not trained alike."""
    facts = {"train": "50", "val": "10", "test": "40", "origin": "a folder", "checksum": "abc123"}
    first, second = (
        dataclasses.replace(small(data, name), data={"name": "Garments", **facts}, recipe=recipe)
        for name, recipe in (("a", "plain"), ("b", "one_cycle"))
    )
    common = {"trainer": {"max_epochs": 20}, "data": {"batch_size": 128}}
    plain = {"optimizer": {"_target_": "torch.optim.Adam", "_partial_": True, "lr": 0.001}}
    cycle = {
        "optimizer": {"_target_": "torch.optim.AdamW", "_partial_": True, "lr": 0.01},
        "scheduler": {"_target_": "torch.optim.lr_scheduler.OneCycleLR", "pct_start": 0.3},
    }
    return (
        dataclasses.replace(first, config=first.config | common | plain),
        dataclasses.replace(second, config=second.config | common | cycle),
    )
