"""Each alert over all worlds: how far it can be trusted, and what it would need to be tested."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from .advice import Advice, advice_on
from .expectations import Checked
from .notifications import Notifications
from .results import Backtest, calm_s
from .verdicts import TRUE, Verdict

SCHEMA = "epicenter.backtest/7"
DAY_S = 86_400.0


@dataclass(frozen=True)
class RuleTotals:
    """One alert over all worlds.

    tested: worlds with an outage that have its metrics, but for those in which it was still; caught: those in which it
    fired on any part of the outage; unnamed: those in which it fired during the outage, and no label named anybody who
    failed. still: worlds in which it was quiet and nothing that it reads changes.
    unjudged: worlds that have its metrics and of which nobody knows the truth; fired: those of them in which it fired.
    true, false, unattributed: firings. precision: true of true and false; recall: caught of tested, 0 to 1.
    calm_s: seconds of weather without an outage in which it could have fired for nothing; false_per_day: per calm day.
    needs: metrics without which worlds could not test it. None where there is nothing to divide by.
    """

    name: str
    group: str
    file: str
    line: int
    tested: int
    caught: int
    unnamed: int
    still: int
    unjudged: int
    fired: int
    true: int
    false: int
    unattributed: int
    precision: float | None
    recall: float | None
    calm_s: float
    false_per_day: float | None
    needs: tuple[str, ...]


@dataclass(frozen=True)
class Report:
    """What `epicenter backtest --json` writes; problems: a sentence for each rule left out or doubtful."""

    schema: str
    problems: tuple[str, ...]
    scenarios: tuple[Backtest, ...]
    rules: tuple[RuleTotals, ...]
    expectations: tuple[Checked, ...]
    notifications: tuple[Notifications, ...]
    advice: tuple[Advice, ...]


def report(
    problems: Sequence[str],
    results: Sequence[Backtest],
    checked: Sequence[Checked] = (),
    notified: Sequence[Notifications] = (),
) -> Report:
    """Everything about the worlds, and each alert over all of them in the order of the files."""
    # by their places: in jsonnet, alerts of the same name have no line that tells them apart
    found: dict[int, list[tuple[Backtest, Verdict]]] = {}
    for result in results:
        for place, verdict in enumerate(result.verdicts):
            found.setdefault(place, []).append((result, verdict))
    totals = tuple(_totals(seen) for seen in found.values())
    advice = tuple(advice_on(results))
    return Report(SCHEMA, tuple(problems), tuple(results), totals, tuple(checked), tuple(notified), advice)


def _totals(seen: Sequence[tuple[Backtest, Verdict]]) -> RuleTotals:
    rule = seen[0][1]
    able = [(result, one) for result, one in seen if one.kind not in ("untestable", "refused")]
    unjudged = [one for result, one in able if result.truth is None]
    could = [(result, one) for result, one in able if result.truth is not None]
    outages = [
        one for result, one in could if result.truth is not None and result.truth.incident is not None and not one.still
    ]
    kinds = Counter(judged.kind for _, one in could for judged in one.firings)
    true, false = sum(kinds[kind] for kind in TRUE), kinds["false_alarm"]
    caught = sum(one.kind in TRUE for one in outages)
    calm = sum(calm_s(result) for result, _ in could)
    return RuleTotals(
        *(rule.name, rule.group, rule.file, rule.line, len(outages), caught),
        sum(one.kind == "unattributed" for one in outages),
        sum(one.still for _, one in able),
        *(len(unjudged), sum(one.kind == "fired" for one in unjudged)),
        *(true, false, kinds["unattributed"]),
        precision=true / (true + false) if true + false else None,
        recall=caught / len(outages) if outages else None,
        calm_s=calm,
        false_per_day=false * DAY_S / calm if calm else None,
        needs=tuple(sorted({need for _, one in seen for need in one.needs})),
    )
