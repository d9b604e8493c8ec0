"""A backtest as one self-contained page: no network, no script, the same bytes for the same backtest."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from markupsafe import Markup

from ..rules.results import Backtest
from ..rules.totals import Report
from ..rules.verdicts import Verdict
from . import alert_timeline, alerts
from .alert_headlines import headline, others, overall, told_apart
from .html import environment, text


@dataclass(frozen=True)
class World:
    """One world as the template wants it; told: what is said below its summary; silent: verdicts without a firing."""

    result: Backtest
    number: int
    headline: str
    summary: str
    told: tuple[str, ...]
    drawings: tuple[Markup, ...]
    fired: tuple[Verdict, ...]
    silent: tuple[Verdict, ...]


def render(report: Report) -> str:
    """The whole page."""
    names = told_apart(one for result in report.scenarios for one in result.verdicts)
    problems = dict.fromkeys((*report.problems, *(told for one in report.scenarios for told in one.problems)))
    return (
        environment()
        .get_template("alerts.html.j2")
        .render(
            report=report,
            worlds=[_world(report, result, number) for number, result in enumerate(report.scenarios, 1)],
            failed=[one for one in report.expectations if not one.held],
            problems=list(problems),
            says=alerts.SAYS,
            about=alerts.about,
            duration=alerts.duration,
            trust=alerts.trust,
            advised=alerts.advised,
            tuned=alerts.TUNED,
            none_better=alerts.NONE_BETTER,
            tried=any(one.trials for one in report.scenarios),
            overall=overall,
            others=others,
            names=names,
            name_of=lambda one: names[one.file, one.line, one.name],
            style=Markup(text("page.css")),
        )
    )


def _world(report: Report, result: Backtest, number: int) -> World:
    fired = alert_timeline.fired(result.verdicts)
    return World(
        *(result, number, headline(result), alerts.summary(result), tuple(alerts.sentences(report, result))),
        drawings=tuple(_drawings(result, number, any(fired))),
        fired=tuple(fired),
        silent=tuple(one for one in alerts.ordered(result.verdicts) if not one.firings),
    )


def _drawings(result: Backtest, number: int, anything: bool) -> Iterable[Markup]:
    if anything or result.coverage:
        for kind in ("wide", "narrow"):
            yield alert_timeline.draw(result, f"timeline-{number}-{kind}", narrow=kind == "narrow")
