"""`epicenter scenarios`: the worlds there are."""

from __future__ import annotations

from importlib import import_module

import click


@click.command("scenarios")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def command(as_json: bool) -> None:
    """List the worlds that can be simulated, each with the outage behind it."""
    from rich.console import Console
    from rich.table import Table

    from ..synthetic.scenarios import SCENARIOS
    from .output import to_json

    lines = {name: _about(name) for name in SCENARIOS}
    if as_json:
        click.echo(to_json([{"name": name, "about": about} for name, about in lines.items()]), nl=False)
        return
    table = Table("scenario", "what happens", box=None)
    for name, about in lines.items():
        table.add_row(name, about)
    Console().print(table)


def _about(name: str) -> str:
    """The first line of the docstring of the scenario's own file."""
    module = import_module(f"...synthetic.scenarios.{name.replace('-', '_')}", __name__)
    return (module.__doc__ or "").strip().splitlines()[0]
