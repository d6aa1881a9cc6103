"""Where a report is written, and what it may replace."""

from pathlib import Path

import pytest

from autoencoder import report
from autoencoder.report import write_report
from autoencoder.runs import RunError
from tests.report.runs_on_disk import COMPACT, SETTINGS, write_run


def test_a_report_is_written_elsewhere_and_nothing_else_is_replaced(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", COMPACT)
    thesis = tmp_path / "thesis"
    (thesis / "figures").mkdir(parents=True)
    for taken in (thesis, tmp_path / "run"):
        with pytest.raises(RunError, match=r"is no report.*out=FOLDER"):
            write_report(run, SETTINGS, out=taken)
    assert (thesis / "figures").exists()
    written = write_report(run, SETTINGS, out=tmp_path / "new/of-run")
    assert written == tmp_path / "new/of-run/report.html"
    assert written.exists()
    assert not (run / "report").exists()
    write_report(run, SETTINGS, out=tmp_path / "new/of-run")


def test_a_folder_that_cannot_be_written_is_named_before_measuring(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(report, "collect", None)
    (tmp_path / "file").touch()
    for taken in ("file/report", "file"):
        with pytest.raises(RunError, match=r"can't be written: Not a directory; try out=FOLDER"):
            write_report(tmp_path, SETTINGS, out=tmp_path / taken)
