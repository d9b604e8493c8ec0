"""`epicenter analyze`: recorded telemetry in, one explained incident out."""

from __future__ import annotations

import os
from pathlib import Path

import click

from .times import TimeParameter


@click.command("analyze")
@click.argument("recording", nargs=-1, required=True)
@click.option("--from", "start", type=TimeParameter(), help="With a Prometheus' URL: read from this moment on.")
@click.option("--to", "end", type=TimeParameter(), help="With a Prometheus' URL: read up to this moment.")
@click.option("--at", type=TimeParameter(), help="Explain the incident around this moment, even if users saw none.")
@click.option(
    "--baseline",
    type=click.Path(path_type=Path),
    multiple=True,
    help="A recording of a time in which all was well, to learn from what is usual; may be given again.",
)
@click.option("--window", "window_s", type=click.IntRange(1, 3600), help="Length of a window in seconds.")
@click.option("--skip-bad", is_flag=True, help="Use every good file and line, and list those that are not.")
@click.option(
    "--json",
    "json_path",
    type=click.Path(path_type=Path, allow_dash=True),
    help="Write it as JSON (- for standard output).",
)
@click.option("--html", "html_path", type=click.Path(path_type=Path), help="Write it as one web page.")
def command(
    recording: tuple[str, ...],
    start: float | None,
    end: float | None,
    at: float | None,
    baseline: tuple[Path, ...],
    window_s: int | None,
    skip_bad: bool,
    json_path: Path | None,
    html_path: Path | None,
) -> None:
    """Explain the incident in RECORDING: folders and files of OTLP JSON Lines, Parquet or OpenMetrics text.

    It may also be the URL of a Prometheus (Mimir, Thanos, VictoriaMetrics), with --from and --to.
    """
    from tempfile import TemporaryDirectory

    from rich.console import Console

    from ..pipeline import analyze_paths
    from ..report import html, terminal
    from .output import check_writable, progress, write_result
    from .urls import fetched, with_skipped

    for path in (html_path, json_path):
        check_writable(path)
    with progress("Reading and counting"), TemporaryDirectory(prefix="epicenter-") as folder:
        paths, notes = fetched(recording, start, end, Path(folder), skip_bad=skip_bad, environment=os.environ)
        analysis, windows = analyze_paths(paths, at=at, baseline=baseline, window_s=window_s, skip_bad=skip_bad)
    analysis = with_skipped(analysis, notes)
    if html_path is not None:
        html_path.write_text(html.render(analysis, windows), encoding="utf-8")
    if not write_result(analysis, json_path):
        terminal.render(analysis, Console())
