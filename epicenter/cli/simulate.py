"""`epicenter simulate`: a world's telemetry, written as a recording."""

from __future__ import annotations

from pathlib import Path

import click

from .numbers import PositiveNumber


@click.command("simulate")
@click.argument("scenario")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder for the recording.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Seed of the world.")
@click.option(
    "--spans-per-second",
    type=PositiveNumber(),
    default=20.0,
    show_default=True,
    help="Sampled spans a second, on average.",
)
def command(scenario: str, out: Path, seed: int, spans_per_second: float) -> None:
    """Simulate SCENARIO and write its spans, metrics and changes, with what really happened in truth.json."""
    from ..synthetic import simulate
    from ..synthetic.telemetry.record import record
    from .output import progress

    with progress("Simulating the world"):
        history = simulate(scenario, seed=seed)
    with progress("Writing its telemetry") as bar:
        task = bar.task_ids[0]
        folder = record(
            history,
            out,
            spans_per_second=spans_per_second,
            seed=seed,
            progress=lambda share: bar.update(task, total=1.0, completed=share),
        )
    hours = (history.end - history.start) / 3600.0
    rows = _rows(folder)
    click.echo(
        f"{folder}: {hours:.1f} hours of {scenario}, {rows['spans']:,} spans, {rows['samples']:,} samples,"
        f" {rows['changes']:,} changes"
    )


def _rows(folder: Path) -> dict[str, int]:
    import json

    return json.loads((folder / "manifest.json").read_text(encoding="utf-8"))["rows"]
