"""`epicenter demo`: the whole way once, from a simulated outage to its explanation."""

from __future__ import annotations

from pathlib import Path

import click

from .numbers import SeedParameter

SCENARIO = "aws-dynamodb-2025"


@click.command("demo")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("out/demo"),
    show_default=True,
    help="Folder for the results.",
)
@click.option("--seed", type=SeedParameter(), default=0, show_default=True, help="Seed of the world.")
def command(out: Path, seed: int) -> None:
    """Simulate the outage of 20 October 2025, record it, analyse the recording, and show what was found."""
    from rich.console import Console

    from ..pipeline import analyze_paths
    from ..report import html, terminal
    from ..synthetic import simulate
    from ..synthetic.telemetry.record import record
    from .output import progress, to_json

    out.mkdir(parents=True, exist_ok=True)
    with progress("Simulating the world"):
        history = simulate(SCENARIO, seed=seed)
    with progress("Writing its telemetry"):
        record(history, out / "recording", seed=seed)
    with progress("Reading, counting, explaining"):
        analysis, windows = analyze_paths([out / "recording"])
    (out / "analysis.json").write_bytes(to_json(analysis))
    (out / "report.html").write_text(html.render(analysis, windows), encoding="utf-8")
    terminal.render(analysis, Console())
    click.echo(f"\nWritten: {out}/recording, {out}/analysis.json, {out}/report.html (open it in a browser)")
