"""`epicenter backtest --coverage`: which metrics do alert rules lack in the scenarios?"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..rules.cache import Cache
    from ..rules.files import RuleSet


def tell_coverage(
    read: RuleSet, scenarios: Sequence[str], seed: int, json_path: Path | None, cache: Cache | None
) -> None:
    """Tell which metrics the alerts lack in these worlds, on the terminal or as JSON."""
    from rich.console import Console

    from ..report import gaps
    from ..rules.gaps import SCHEMA, GapsReport, accepted
    from ..rules.needs import unknown_needs
    from ..rules.plays import gaps_in
    from .output import write_result

    rules, refusals = accepted(read.rules)
    found = [gaps_in(rules, name, seed=seed, cache=cache) for name in scenarios]
    doubts = (doubt for rule in rules if rule.alert for doubt in unknown_needs(rule))
    problems = dict.fromkeys((*read.problems, *refusals, *(told for _, wrong in found for told in wrong), *doubts))
    told = GapsReport(SCHEMA, tuple(problems), tuple(world for world, _ in found))
    if not write_result(told, json_path):
        gaps.render(told, Console())
