"""Reports: what was trained, in tables, figures, pages and words, beside what it must beat."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from omegaconf import DictConfig
from rich.console import Console

from autoencoder.console import standard_console
from autoencoder.metrics import COLUMNS
from autoencoder.report.draw import figures
from autoencoder.report.measure.collection import collect
from autoencoder.report.measure.evaluation import Evaluation, Floors
from autoencoder.report.measure.settings import Settings, SettingsError
from autoencoder.report.write import differences, outliers, overview, page, table
from autoencoder.report.write.charts import styles
from autoencoder.report.write.explorer import explorer
from autoencoder.report.write.facts import facts
from autoencoder.report.write.findings import findings
from autoencoder.report.write.protocol import protocol
from autoencoder.report.write.rows import group, priors_csv, runs_csv
from autoencoder.runs import RunError
from autoencoder.runs.files import folder_aside, folder_replaced
from autoencoder.runs.rows import results_csv

__all__ = ["Evaluation", "Floors", "Settings", "asked", "evaluate", "write_report"]

log = logging.getLogger(__name__)

FOLDER = "report"
PAGE = "report.html"


def evaluate(cfg: DictConfig) -> Path:
    """Writes the report that a config such as `conf/evaluate.yaml` asks for.

    Raises:
        RunError: If no run can be reported.
        SettingsError: If a setting is out of its range.
    """
    path, settings, out = asked(cfg)
    return write_report(path, settings, out=out)


def asked(cfg: DictConfig) -> tuple[Path, Settings, Path | None]:
    """Where the runs are that a config asks for, how they are evaluated, and the report's folder.

    Raises:
        RunError: If it names no folder of runs.
        SettingsError: If a setting is out of its range.
    """
    if cfg.run in (None, ""):
        raise RunError("run=PATH is missing: the folder of a run or of a sweep")
    if not isinstance(cfg.run, str | int):
        raise RunError(f"run={cfg.run}: one folder, please; one above several runs stands for all")
    if not isinstance(cfg.watch, bool):
        raise SettingsError(f"watch must be true or false, got {cfg.watch!r}")
    out = None if cfg.out is None else Path(str(cfg.out))
    return Path(str(cfg.run)), Settings.from_config(cfg), out


def write_report(
    path: Path,
    settings: Settings,
    console: Console | None = None,
    *,
    out: Path | None = None,
    watched: str = "",
) -> Path:
    """Evaluates the runs in a directory and writes its report: HTML, Markdown, CSV and figures.

    Args:
        path: A run or a sweep.
        settings: How runs are evaluated.
        console: Where the table, the summary and the progress go; standard output by default.
        out: The folder of the report; `path/report` by default.
        watched: Of runs that are still trained, how far they are: the page says so and loads itself
            again, and the console is told no more than that.

    Returns:
        The HTML file, `report.html` in the folder.

    Raises:
        RunError: If no run in it can be reported, or the report can't be written.
    """
    folder_of_report = out or path / FOLDER
    _check_writable(folder_of_report, path)
    console = console or standard_console()
    evaluations, floors, left_out = collect(path, settings, console)
    rows = group(evaluations)
    ordered = [run for row in rows for run in row.evaluations]
    compared = differences.pairs(rows)
    summary = findings(rows, left_out)
    summary += [*differences.told(compared), *outliers.told(rows)]
    paragraphs = protocol(rows, settings)
    n_runs = f"{len(ordered)} run{'s' if len(ordered) > 1 else ''}"
    title = f"{path.resolve().parent.name}/{path.resolve().name}: {n_runs}"
    with console.status("drawing") if console.is_terminal else _nothing():
        drawn = figures.draw(ordered, floors)
        with folder_replaced(folder_of_report) as folder:
            (folder / "figures").mkdir()
            for figure in drawn:
                (folder / "figures" / f"{figure.name}.png").write_bytes(figure.png)
            texts = {
                "results.csv": results_csv(rows, COLUMNS),
                "runs.csv": runs_csv(rows),
                "report.md": page.render_markdown(
                    title, summary, table.markdown_table(rows), drawn, paragraphs
                ),
                PAGE: page.render_html(
                    page.Content(
                        title=title,
                        watched=watched,
                        compared=overview.compared(rows),
                        cards=overview.cards(rows),
                        headlines=overview.headlines(rows),
                        findings=summary,
                        table=table.html_table(rows),
                        figures=drawn,
                        images=settings.images,
                        explorer=explorer(ordered, settings.images),
                        protocol=paragraphs,
                        styles=dict(zip((row.group for row in rows), styles(rows), strict=True)),
                        data=facts(rows),
                    )
                ),
            }
            if compared:
                texts["differences.csv"] = differences.differences_csv(compared)
            if any(run.priors for run in ordered):
                texts["priors.csv"] = priors_csv(rows)
            for name, text in texts.items():
                (folder / name).write_text(text, encoding="utf-8")
    report = folder_of_report / PAGE
    if watched:
        console.print(f"{watched}: {report}", soft_wrap=True, markup=False, highlight=False)
        return report
    console.print(table.console_table(rows, console.width))
    for sentence in summary:
        console.print(f"- {sentence}", markup=False, highlight=False)
    # Whole, so that it can be clicked or copied, however long it is.
    console.print(str(report), soft_wrap=True, markup=False, highlight=False)
    return report


def _check_writable(folder: Path, path: Path) -> None:
    """Refuses a folder that is no report, or can't be written, before anything is measured."""
    if not path.is_dir():  # of which `collect` says so
        return
    try:
        if folder.exists() and any(folder.iterdir()) and not (folder / PAGE).exists():
            raise RunError(f"{folder} is no report, so it is not replaced; try out=FOLDER")
        with folder_aside(folder):
            pass
    except OSError as error:
        raise RunError(f"{folder} can't be written: {error.strerror}; try out=FOLDER") from error


@contextmanager
def _nothing() -> Iterator[None]:
    yield
