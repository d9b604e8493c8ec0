"""`epicenter score`: how often the explanation is right, over worlds whose truth is known."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .numbers import RateParameter, SeedParameter

if TYPE_CHECKING:
    from ..scoring.cases import World

SCHEMA = "epicenter.score/1"


@click.command("score")
@click.option("--scenario", "scenarios", multiple=True, metavar="NAME", help="Only this one; may be repeated.")
@click.option("--seeds", type=click.IntRange(1), default=3, show_default=True, help="Seeds of each scenario.")
@click.option("--first-seed", type=SeedParameter(), default=0, show_default=True, help="The first of them.")
@click.option(
    "--mix",
    "mixes",
    multiple=True,
    default=("drawn",),
    show_default=True,
    metavar="NAME",
    help="In which dialects worlds tell of themselves; drawn: each in one of its own. May be repeated.",
)
@click.option("--jobs", type=click.IntRange(1), default=2, show_default=True, help="Worlds at a time.")
@click.option(
    "--spans-per-second",
    type=RateParameter(),
    help="Sampled spans a second, on average.  [default: 20, and 300,000 of a world at the most]",
)
@click.option(
    "--json",
    "json_path",
    type=click.Path(path_type=Path, allow_dash=True),
    help="Write it as JSON (- for standard output).",
)
@click.option(
    "--fail-under",
    multiple=True,
    metavar="METRIC=VALUE",
    help="Exit with 1 if a total is worse than this; may be repeated.",
)
def command(
    scenarios: tuple[str, ...],
    seeds: int,
    first_seed: int,
    mixes: tuple[str, ...],
    jobs: int,
    spans_per_second: float | None,
    json_path: Path | None,
    fail_under: tuple[str, ...],
) -> None:
    """Simulate every scenario with several seeds, explain what can be seen of it, and compare with the truth."""
    from rich.console import Console

    from ..scoring import table
    from ..scoring.expectations import parse_expectation
    from ..scoring.library import run_worlds
    from ..scoring.totals import totals_of
    from .output import check_writable, progress, write_result

    expectations = [parse_expectation(text) for text in fail_under]
    check_writable(json_path)
    worlds = _worlds(scenarios, range(first_seed, first_seed + seeds), mixes, spans_per_second)
    with progress("Scoring") as bar:
        task = bar.task_ids[0]
        rows = run_worlds(worlds, jobs=jobs, progress=lambda share: bar.update(task, total=1.0, completed=share))
    totals = totals_of(rows)
    if not write_result({"schema": SCHEMA, "totals": totals, "cases": rows}, json_path):
        table.render(rows, totals, Console())
    broken = [sentence for one in expectations if (sentence := one.broken_by(totals)) is not None]
    for sentence in broken:
        click.echo(f"epicenter: --fail-under: {sentence}", err=True)
    if broken or totals.crashed:
        sys.exit(1)


def _worlds(
    scenarios: tuple[str, ...], seeds: range, mixes: tuple[str, ...], spans_per_second: float | None
) -> list[World]:
    """All worlds, scenario by scenario; UsageError for a name that is no scenario or no mix."""
    from ..collector.errors import UsageError
    from ..scoring.cases import World, the_mix
    from ..synthetic import SCENARIOS, scenario

    names = tuple(dict.fromkeys(scenarios)) or tuple(SCENARIOS)
    for name in names:
        scenario(name)
    mixes = tuple(dict.fromkeys(mixes))
    for mix in mixes:
        try:
            the_mix(mix, "", 0)
        except ValueError as error:
            raise UsageError(f"--mix {mix}: {error}; or drawn") from error
    return [World(name, seed, mixes, spans_per_second) for name in names for seed in seeds]
