"""`epicenter backtest`: would these alert rules have caught the great outages?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from .numbers import SeedParameter

if TYPE_CHECKING:
    from ..rules.worlds import Backtest

FLAGSHIP = "aws-dynamodb-2025"


@click.command("backtest")
@click.argument("rules", nargs=-1, required=True)
@click.option(
    "--scenario",
    "scenarios",
    multiple=True,
    default=(FLAGSHIP,),
    show_default=True,
    metavar="NAME|all",
    help="The world to test in; may be repeated.",
)
@click.option("--seed", type=SeedParameter(), default=0, show_default=True, help="Varies what real estates vary.")
@click.option(
    "--json",
    "json_path",
    type=click.Path(path_type=Path, allow_dash=True),
    help="Write it as JSON (- for standard output).",
)
def command(rules: tuple[str, ...], scenarios: tuple[str, ...], seed: int, json_path: Path | None) -> None:
    """Play the alert rules of RULES (files, folders, globs) over simulated outages whose cause is known."""
    from rich.console import Console

    from ..report import alerts
    from ..rules.files import read_rules
    from ..rules.prometheus import program
    from ..rules.totals import report
    from ..rules.worlds import backtest
    from ..synthetic import SCENARIOS, scenario
    from .output import check_writable, progress, to_json

    check_writable(json_path)
    names = tuple(SCENARIOS) if "all" in scenarios else tuple(dict.fromkeys(scenarios))
    for name in names:
        scenario(name)
    read = read_rules(rules)
    program("prometheus")
    results: list[Backtest] = []
    with progress("Playing") as bar:
        for number, name in enumerate(names):
            bar.update(bar.task_ids[0], total=len(names), completed=number)
            results.append(backtest(read.rules, name, seed=seed))
    told = report(read.problems, results)
    written = to_json(told)
    if json_path is not None and str(json_path) != "-":
        json_path.write_bytes(written)
    if str(json_path) == "-":
        click.echo(written, nl=False)
    else:
        alerts.render(told, Console())
