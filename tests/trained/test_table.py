import json
from pathlib import Path

import pytest
from omegaconf import OmegaConf

import autoencoder
from autoencoder import runs
from tests.report.runs_on_disk import write_sweep


def test_a_row_a_run(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    sweep = write_sweep(tmp_path / "sweep")
    (sweep / "wide_none" / runs.METRICS).unlink()
    table = autoencoder.results(sweep)
    assert list(table["path"]) == [
        str(sweep / name) for name in ("compact_gaussian", "compact_none", "wide_gaussian")
    ]
    assert list(table["noise"]) == ["gaussian", "none", "gaussian"]
    assert list(table["model.channels"]) == ["[4, 4]", "[4, 4]", "[8, 16]"]
    assert list(table["seed"]) == [0, 0, 0]
    mse = json.loads((sweep / "compact_none" / runs.METRICS).read_text())["test/mse"]
    assert table.loc[1, "test/mse"] == mse
    assert table["test/mse"].dtype == float
    assert "wide_none is left out: is not finished" in caplog.text


def test_what_a_run_has_not_got_is_missing(tmp_path: Path) -> None:
    sweep = write_sweep(tmp_path / "sweep")
    # One model has a number that another sets to null and the others do not know.
    for name, value in (("compact_none", 3), ("wide_none", None)):
        cfg = OmegaConf.load(sweep / name / runs.CONFIG)
        OmegaConf.update(cfg, "model.extra", value)
        OmegaConf.save(cfg, sweep / name / runs.CONFIG)
        said = OmegaConf.load(sweep / name / runs.OVERRIDES)
        OmegaConf.save([*said, f"model.extra={'null' if value is None else value}"],
                       sweep / name / runs.OVERRIDES)  # fmt: skip
    table = autoencoder.results(sweep)
    assert list(table["model.extra"].isna()) == [True, False, True, True]
    assert table.loc[1, "model.extra"] == 3


def test_nothing_finished(tmp_path: Path) -> None:
    (tmp_path / ".hydra").mkdir()
    (tmp_path / runs.CONFIG).write_text("a: 1")
    with pytest.raises(runs.RunError, match="no run in it is finished"):
        autoencoder.results(tmp_path)
