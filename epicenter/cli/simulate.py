"""`epicenter simulate`: a world's telemetry, written as a recording."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Literal

import click

from . import worlds

FORMATS = ("parquet", "otlp-json", "openmetrics")
"""The names in `synthetic.formats.FORMATS`, which is too much to load for `--help`."""

CHANGES = ("otel", "cloudtrail")


@click.command("simulate")
@click.argument("scenario")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder for the recording.")
@worlds.seed
@worlds.spans_per_second
@click.option(
    "--format",
    "file_format",
    type=click.Choice(FORMATS),
    default="parquet",
    show_default=True,
    help="Format of the files; OpenMetrics holds metrics only, so spans and changes lie beside it as OTLP JSON.",
)
@click.option(
    "--changes",
    type=click.Choice(CHANGES),
    default="otel",
    show_default=True,
    help="How changes of DNS records are told: like all changes, or as AWS CloudTrail logs them.",
)
@worlds.mix
@click.option("--for-rules", is_flag=True, help="All metrics that `epicenter backtest` plays, in place of the mix's.")
def command(
    scenario: str,
    out: Path,
    seed: int,
    spans_per_second: float,
    file_format: str,
    changes: Literal["otel", "cloudtrail"],
    mix: str,
    for_rules: bool,
) -> None:
    """Simulate SCENARIO and write its spans, metrics and changes, with what really happened in truth.json."""
    from ..collector.manifest import Manifest, read_manifest
    from ..synthetic import simulate
    from ..synthetic.telemetry.mix import drawn_mix, mix_of
    from ..synthetic.telemetry.record import record
    from .output import progress

    told = drawn_mix(seed) if mix == "drawn" else mix_of(mix)
    if for_rules:
        from ..rules.worlds import METRICS

        told = replace(told, metrics=METRICS)

    with progress("Simulating the world"):
        history = simulate(scenario, seed=seed)
    with progress("Writing its telemetry") as bar:
        task = bar.task_ids[0]
        folder = record(
            history,
            out,
            spans_per_second=spans_per_second,
            seed=seed,
            file_format=file_format,
            changes=changes,
            mix=told,
            progress=lambda share: bar.update(task, total=1.0, completed=share),
        )
    hours = (history.end - history.start) / 3600.0
    held = read_manifest(folder) or Manifest("")
    click.echo(
        f"{folder}: {hours:.1f} hours of {scenario}, {held.total('spans'):,} spans, {held.total('samples'):,} samples,"
        f" {held.total('changes'):,} changes"
    )
