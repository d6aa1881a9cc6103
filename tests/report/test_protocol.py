"""How the numbers were made, in words."""

import dataclasses

import pytest

from autoencoder.report.write.protocol import protocol
from autoencoder.report.write.rows import group
from tests.report.fakes import FakeData
from tests.report.runs_on_disk import SETTINGS
from tests.report.said import generating, small


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
