"""`epicenter scenarios`: the worlds there are, and the truth about them."""

from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path
from typing import Any

import click


@click.command("scenarios")
@click.option("--json", "as_json", is_flag=True, help="As JSON, with times.")
@click.option(
    "--seed", type=click.IntRange(0), help="Play each with this seed and tell its truth; default: as kept, of seed 0."
)
def command(as_json: bool, seed: int | None) -> None:
    """List the worlds that can be simulated, each with what truly breaks in it."""
    from ..synthetic.scenarios import SCENARIOS
    from .output import to_json

    rows = _kept() if seed is None else _measured(seed)
    told = [{"name": name, "about": _about(name)} | rows[name] for name in SCENARIOS]
    if as_json:
        click.echo(to_json(told), nl=False)
    else:
        _print(told)


def _kept() -> dict[str, dict[str, Any]]:
    from .. import synthetic

    path = Path(synthetic.__file__).parent / "scenarios" / "truth.json"
    return json.loads(path.read_text(encoding="utf-8"))


def _measured(seed: int) -> dict[str, dict[str, Any]]:
    from ..synthetic import SCENARIOS, simulate
    from ..synthetic.truth import LISTED
    from .output import progress

    rows: dict[str, dict[str, Any]] = {}
    with progress("Playing every world") as bar:
        for number, name in enumerate(SCENARIOS):
            history = simulate(name, seed=seed)
            truth = json.loads(history.truth.to_json())
            size = {"services": len(history.services), "hours": (history.end - history.start) / 3600.0}
            rows[name] = size | {key: truth[key] for key in LISTED}
            bar.update(bar.task_ids[0], total=len(SCENARIOS), completed=number + 1)
    return rows


def _print(told: list[dict[str, Any]]) -> None:
    from rich.console import Console
    from rich.padding import Padding
    from rich.text import Text

    console = Console()
    for row in told:
        failure = f" ({row['dns_failure']})" if row["dns_failure"] else ""
        truth = f"{row['root_component']}: {row['root_kind']}; DNS {row['dns_role']}{failure}; {_loop(row)}"
        console.print(Text(row["name"], style="bold"))
        console.print(Padding(Text(row["about"]), (0, 0, 0, 2)))
        console.print(Padding(Text(truth if row["root_kind"] else "nothing breaks", style="dim"), (0, 0, 0, 2)))


def _loop(row: dict[str, Any]) -> str:
    if row["storm"]:
        return "metastable storm" if row["metastable"] else "a storm that ends by itself"
    return "metastable without a storm" if row["metastable"] else "no storm"


def _about(name: str) -> str:
    """The first line of the docstring of the scenario's own file."""
    module = import_module(f"...synthetic.scenarios.{name.replace('-', '_')}", __name__)
    return (module.__doc__ or "").strip().splitlines()[0]
