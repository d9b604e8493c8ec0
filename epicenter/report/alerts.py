"""A backtest of alert rules on a terminal: one line first, then what each rule was worth."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import groupby

from rich.console import Console

from ..rules.advice import Advice
from ..rules.notifications import Notifications
from ..rules.results import Backtest, Place
from ..rules.totals import Report, RuleTotals
from ..rules.verdicts import Verdict
from .alert_headlines import NAME_CHARACTERS, detected_s, first_on_cause, headline, others, overall, told_apart
from .printer import Printer
from .words import counted, listed, utc

SAYS = {
    "cause": "on the cause",
    "early": "before the impact",
    "loop": "on the loop",
    "symptom": "on a symptom",
    "unattributed": "unattributed",
    "fired": "fired",
    "false_alarm": "false alarm",
    "quiet": "quiet",
    "untestable": "untestable",
    "refused": "refused",
}
"""Verdict -> as it is told, in the order in which rules are listed."""
TUNED = "What other settings would have done"
NONE_BETTER = "None of those tried does better."
_NAMED = 3
"""So many quiet alerts are named."""
_STILL = "nothing that {} ever changes here"
_NOT: dict[Place, str] = {
    "scenario": "not in this scenario",
    "recording": "not in this recording",
    "server": "not on this server",
}


def render(report: Report, console: Console) -> None:
    """Print all worlds in a line, every world's verdicts and pages, each alert over several worlds, what failed,
    and what was left out."""
    printer = Printer(console)
    names = told_apart(report.rules)
    several = len(report.scenarios) > 1
    if several:
        printer.say(overall(report.scenarios), style="bold")
        if others(report.scenarios):
            printer.say(others(report.scenarios))
    for number, result in enumerate(report.scenarios):
        if number or several:
            console.print()
        printer.say(headline(result), style="bold")
        printer.say(summary(result), indent=2)
        rows = _rows(result)
        if rows:
            printer.rows(rows)
        for sentence in sentences(report, result):
            printer.say(sentence, indent=2)
    if several and report.rules:
        printer.section("Each alert over all scenarios")
        printer.rows([(names[one.file, one.line, one.name], trust(one)) for one in report.rules])
    if report.expectations:
        failed = [one for one in report.expectations if not one.held]
        printer.section(f"Expectations: {len(report.expectations) - len(failed)} of {len(report.expectations)} held")
        for one in failed:
            printer.say(f"{one.scenario}: {one.expectation}", indent=4, first="  ✗ ")
            for line in one.why.splitlines():
                printer.say(line, indent=6)
    if report.advice:
        printer.section(TUNED)
        printer.rows([(names[one.rule], advised(one)) for one in report.advice])
    elif any(result.trials for result in report.scenarios):
        printer.section(TUNED)
        printer.say(NONE_BETTER, indent=2)
    told = [*report.problems, *(problem for result in report.scenarios for problem in result.problems)]
    if told:
        printer.section("Left out or doubtful")
        for problem in dict.fromkeys(told):
            printer.say(problem, indent=4, first="  -")


def _rows(result: Backtest) -> list[tuple[str, ...]]:
    """A row for each verdict, but one for all that stayed quiet, and one for those of them that had nothing to see."""
    apart = told_apart(result.verdicts)
    rows: list[tuple[str, ...]] = []
    for (kind, still), found in groupby(ordered(result.verdicts), key=lambda one: (one.kind, one.still)):
        ones = list(found)
        if kind == "quiet" and len(ones) > 1:
            names = listed([apart[one.file, one.line, one.name] for one in ones], _NAMED)
            rows.append(
                (SAYS[kind], counted(len(ones), "alert"), f"{_STILL.format('they read')}: {names}" if still else names)
            )
        else:
            rows.extend((SAYS[one.kind], apart[one.file, one.line, one.name], about(one, result.place)) for one in ones)
    return rows


def summary(result: Backtest) -> str:
    """One sentence: how many alerts fired, on what, and which told the cause first."""
    kinds = Counter(one.kind for one in result.verdicts)
    still = sum(one.still for one in result.verdicts)
    some = f"{still} of them " if still < kinds["quiet"] else ""
    had_none = {"quiet": f" ({some}with nothing to see)" if still else ""}
    parts = ", ".join(f"{kinds[kind]} {says}{had_none.get(kind, '')}" for kind, says in SAYS.items() if kinds[kind])
    first = first_on_cause(result)
    named = "" if first is None else f"; first on the cause: {first[1]}"
    where = f"{result.scenario}: " if len(result.scenario) > NAME_CHARACTERS else ""
    return f"{where}{counted(len(result.verdicts), 'alert')}: {parts or 'nothing to say'}{named}."


def ordered(verdicts: Sequence[Verdict]) -> list[Verdict]:
    """In the order in which they are listed: by verdict, then by time to detect; those with nothing to see go last."""
    return sorted(verdicts, key=lambda one: (list(SAYS).index(one.kind), one.still, one.to_detect_s or 0.0, one.name))


def sentences(report: Report, result: Backtest) -> list[str]:
    """What is said of one world's pages, notifications and phases."""
    notified = [_notified(one) for one in report.notifications if one.scenario == result.scenario]
    return [told for told in (_paged(result), *notified, _covered(result)) if told]


def _paged(result: Backtest) -> str:
    pages = result.pages
    if pages is None or result.truth is None:
        return "Nobody knows what really happened here: nothing is judged."
    false = f"{counted(pages.false_alarms, 'false alarm')} paged." if pages.false_alarms else ""
    if pages.first_s is None:
        return false if result.truth.incident is None else f"Nobody was paged during the outage. {false}".rstrip()
    of = f"of {counted(pages.outage, 'page')} {pages.on_cause or 0:.0%}"
    told = f"First page {duration(pages.first_s)} after the onset; {of}"
    before = "" if pages.before_cause is None else f", {pages.before_cause} before the first of them"
    return f"{told} name the cause{before}. {false}".rstrip()


def _notified(one: Notifications) -> str:
    first = "" if one.first_s is None else f", the first {duration(one.first_s)} after the onset"
    on_cause = "" if one.on_cause is None else f"; {one.on_cause:.0%} name the cause"
    return (
        f"Alertmanager makes {counted(one.sent, 'notification')} of {counted(one.firings, 'firing')} and "
        f"{counted(one.repeated, 'repetition')}{first}{on_cause}. {counted(one.inhibited, 'label set')} inhibited."
    )


def _covered(result: Backtest) -> str:
    parts = ", ".join(f"{one.phase} {one.share:.0%}" for one in result.coverage)
    return f"Told of while it lasted: {parts}." if parts else ""


def trust(one: RuleTotals) -> str:
    """What an alert was worth over several worlds."""
    parts = [f"caught {one.caught} of {one.tested} outages"] if one.tested else []
    if one.unnamed:
        parts.append(f"fired in {counted(one.unnamed, 'other')} without naming anybody")
    if one.still:
        parts.append(f"nothing that it reads changes in {counted(one.still, 'world')}")
    if one.unjudged:
        parts.append(f"fired in {one.fired} of {one.unjudged}, not judged")
    if one.precision is not None:
        parts.append(f"precision {one.precision:.0%}")
    if one.false_per_day is not None:
        parts.append(f"{one.false_per_day:.1f} false alarms per calm day ({duration(one.calm_s)} of calm)")
    if one.unattributed:
        parts.append(f"{counted(one.unattributed, 'firing')} unattributed")
    if one.needs:
        parts.append(f"to be tested everywhere it needs {', '.join(one.needs)}")
    return "; ".join(parts) or "refused"


def advised(one: Advice) -> str:
    """What the rule's own setting cost, and what the better one would have done in the calm that was seen."""
    now, better = (
        f"`for: {spelled(v)}`" if one.setting == "for" else f"a threshold of {v:g}" for v in (one.now, one.better)
    )
    cost: list[str] = []
    if one.caught > one.caught_now:
        cost.append(f"{now} missed {one.caught - one.caught_now} of {one.outages} outages that {better} tells")
    if one.false < one.false_now:
        cost.append(f"{now} gave {counted(one.false_now, 'false alarm')}, {better} {one.false}")
    if one.saved_s > 0:
        cost.append(f"{now} cost {duration(one.saved_s)}")
    elif one.saved_s < 0:
        cost.append(f"{better} costs {duration(-one.saved_s)}")
    calm = f"{one.false or 'no'} false alarm{'s' if one.false > 1 else ''} in {duration(one.calm_s)} of calm"
    return f"{'; '.join(cost)}; at {better} {calm}"


def spelled(seconds: float) -> str:
    """Seconds as Prometheus writes them.

    >>> spelled(5400.0), spelled(0.0)
    ('1h30m', '0s')
    """
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return "".join(f"{n}{unit}" for n, unit in ((hours, "h"), (minutes, "m"), (rest, "s")) if n) or "0s"


def about(one: Verdict, place: Place) -> str:
    """What there is to say of a verdict beside its kind; empty for a quiet one that had something to see."""
    if one.refused is not None:
        return "see below"
    if one.still:
        return _STILL.format("it reads")
    if one.kind == "untestable":
        return f"{'it tells of absence, and ' if one.absence else ''}{_NOT[place]}: {', '.join(one.needs)}"
    after = detected_s(one)
    when = "" if after is None else f"{duration(after)} (±{one.interval_s:g} s) after the onset; "
    if one.kind == "fired":
        when = f"first at {utc(one.firings[0].firing.start)} (±{one.interval_s:g} s); "
    on = ", ".join(sorted({found.component for found in one.firings if found.component and found.kind == one.kind}))
    many = {0: "", 1: "once"}.get(len(one.firings), f"{len(one.firings)} times")
    return f"{when}{many}{f' on {on}' if on else ''}"


def duration(seconds: float) -> str:
    """Seconds as people say them.

    >>> duration(195.0)
    '3 min 15 s'
    """
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    parts = ((hours, "h"), (minutes, "min"), (rest, "s"))
    return " ".join(f"{amount} {unit}" for amount, unit in parts if amount) or "0 s"
