"""How the numbers were made, in words."""

import dataclasses
from typing import Any

import pytest

from autoencoder.report.measure.evaluation import Evaluation
from autoencoder.report.write.protocol import protocol
from autoencoder.report.write.rows import group
from tests.report.fakes import FakeData
from tests.report.runs_on_disk import SETTINGS
from tests.report.said import generating, recipes, small


@pytest.fixture(scope="module")
def data() -> FakeData:
    return FakeData(40, 12)


def test_the_protocol_says_how_images_were_generated(data: FakeData) -> None:
    facts = {"train": "50", "val": "10", "test": "40", "origin": "a folder", "checksum": "abc123"}
    runs = [
        dataclasses.replace(run, data={"name": "Garments", **facts})
        for run in (generating(data, "a", 12.5), generating(data, "b", 9), small(data))
    ]
    text = dict(protocol(group(runs), SETTINGS))["Generation"]
    assert "3 images for each class" in text
    assert "from the prior of a, of “a”; from the prior of b, of “b” (" in text
    assert "names 92.4% of the test images right" in text
    assert "it is not the FID" in text
    text = dict(protocol(group(runs[2:]), SETTINGS))["Generation"]
    assert text.startswith("Not measured")


def test_the_protocol_has_what_repeats_the_numbers(data: FakeData) -> None:
    facts = {"train": "50", "val": "10", "test": "40", "origin": "a folder", "checksum": "abc123"}
    run = dataclasses.replace(small(data), data={"name": "Garments", **facts})
    text = " ".join(value for _, value in protocol(group([run]), SETTINGS))
    for fact in ("Garments", *facts.values(), "Seed 0", "torch", "cores", "not recorded"):
        assert fact in text
    environment = {"date": "2026-01-02T03:04:05", "torch": "9.9", "processor": "abacus"}
    run = dataclasses.replace(run, environment=environment | {"gpus": "none"})
    text = " ".join(value for _, value in protocol(group([run]), SETTINGS))
    assert "Trained 2026-01-02 with torch 9.9, on abacus" in text


def test_the_protocol_says_which_images_were_looked_at(data: FakeData) -> None:
    facts = {"train": "50", "val": "10", "test": "40", "origin": "a folder", "checksum": "abc123"}
    facts |= {"examined": "50", "all_test": "40", "split_seed": "7"}

    def said(**changes: str) -> str:
        run = dataclasses.replace(small(data), data={"name": "Garments", **facts, **changes})
        return dict(protocol(group([run]), SETTINGS))["Data"]

    assert said().endswith("(SHA-256 abc123).")
    assert "fitted on 20 of the training images (data.max_examined)" in said(examined="20")
    assert "drawn from 9,000 (data.max_test)" in said(all_test="9,000")
    assert said(examined="20").endswith(" Drawn by data.split_seed=7.")
    assert "data.max_test" not in said(examined="20")


def described(data: FakeData, name: str, **changes: Any) -> Evaluation:
    """A run whose data is described, with a config that is changed."""
    facts = {"train": "50", "val": "10", "test": "40", "origin": "a folder", "checksum": "abc123"}
    run = small(data, name)
    return dataclasses.replace(run, data={"name": "Garments", **facts}, config=run.config | changes)


@pytest.mark.parametrize(
    ("trainer", "said"),
    [
        (
            {"limit_train_batches": 0.1},
            "10% of the batches of training images (trainer.limit",
        ),
        ({"limit_train_batches": 7}, "7 batches of training images"),
        ({"overfit_batches": 3}, "3 batches of training images (trainer.overfit_batches=3)"),
    ],
)
def test_a_part_of_the_training_images_is_told_of(
    data: FakeData, trainer: dict[str, float], said: str
) -> None:
    whole = described(data, "all", trainer={"limit_train_batches": 1.0, "overfit_batches": 0.0})
    part = described(data, "part", trainer=trainer)
    text = dict(protocol(group([whole, part]), SETTINGS))["Training"]
    assert f"An epoch of “part” was {said}" in text
    alike = dataclasses.replace(part, group="other")
    text = dict(protocol(group([part, alike]), SETTINGS))["Training"]
    assert f"An epoch of “part” and “other” was {said}" in text
    assert "An epoch of" not in dict(protocol(group([whole]), SETTINGS))["Training"]


def test_the_border_of_ssim_and_the_kind_of_trustworthiness_are_said(data: FakeData) -> None:
    facts = dict(protocol(group([described(data, "a")]), SETTINGS))
    assert "mirrored beyond its border" in facts["Test"]
    assert "Trustworthiness of the latent" in facts["Latents"]


def test_recipes_that_differ_are_listed(data: FakeData) -> None:
    first, second = recipes(data)
    text = dict(protocol(group([first, second]), SETTINGS))["Recipes"]
    assert text == (
        "Not trained alike: “a” by plain (optimizer Adam, optimizer.lr 0.001, scheduler none); "
        "“b” by one_cycle (optimizer AdamW, optimizer.lr 0.01, scheduler OneCycleLR, "
        "scheduler.pct_start 0.3)."
    )
    assert "Recipes" not in dict(protocol(group([first]), SETTINGS))
