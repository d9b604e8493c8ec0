"""The analysis on a terminal: what an on-call engineer reads at 3 a.m.

The answer stands in the first line; each later section may be left unread.
"""

from __future__ import annotations

from rich.console import Console

from ..detectors.analysis import Analysis, EvidenceItem, Incident, Sustaining
from . import sentences, words
from .printer import Printer
from .tree import cascade_tree, guided

WHY_SHOWN, TREE_SHOWN, SKIPPED_SHOWN, FEW_SHOWN = 4, 24, 24, 3
"""Enough to act on; the page has the rest."""


def render(analysis: Analysis, console: Console) -> None:
    """Print the analysis, within 80 columns and about 60 lines for an outage of twenty components.

    Writes nothing but to `console`; characters that its encoding cannot carry become question marks.
    """
    printer = Printer(console)
    if not analysis.incidents:
        printer.say(sentences.nothing_found(analysis), style="bold")
    for position, incident in enumerate(analysis.incidents, 1):
        if len(analysis.incidents) > 1:
            printer.section(f"----- Incident {position} of {len(analysis.incidents)} -----")
        _incident(incident, analysis.recording.to, printer)
    _limits(analysis, printer)


def _incident(incident: Incident, end: float, printer: Printer) -> None:
    _answer(incident, printer)
    _why(incident, printer)
    if incident.cascade:
        printer.section(sentences.spread_heading(incident))
        _cascade(incident, printer)
    if incident.sustaining:
        printer.section("What keeps it going" if incident.ended_at is None else "What kept it going")
        printer.rows([_loop(loop) for loop in incident.sustaining])
    if incident.retries:
        printer.section(sentences.REPEATS)
        for item in incident.evidence:
            if item.id in incident.retries:
                printer.say(f"{item.statement}.", indent=2)
    if len(incident.phases) > 1:
        printer.section("Phases (UTC)")
        printer.rows(_phases(incident, end, printer.width))
    others = sentences.others(incident)
    if others:
        listed = ", ".join(
            f"{c.component} ({sentences.kind(c, incident)}, {words.percent(c.score)})" for c in others[:FEW_SHOWN]
        )
        printer.section(
            "Ranked by their share of what changed, none of them sure"
            if incident.verdict == "unknown"
            else "Also considered"
        )
        printer.say(f"{listed}.", indent=2)


def _answer(incident: Incident, printer: Printer) -> None:
    trigger = incident.trigger
    if incident.verdict == "unknown":
        printer.say(f"{sentences.untold(incident)}, from {words.utc(incident.started_at)} on.", style="bold")
        printer.say(sentences.lead(incident))
    else:
        sure = f"at {words.clock(trigger.started_at)} ({words.percent(trigger.confidence)} sure)"
        printer.say(f"{trigger.component} {sentences.broke(incident)} {sure}.", style="bold")
        printer.say(f"That was {words.utc(trigger.started_at)}; {sentences.until(trigger)}.")
    printer.say(sentences.standing(incident))
    printer.say(sentences.impact(incident))
    printer.say(sentences.dns_part(incident))


def _why(incident: Incident, printer: Printer) -> None:
    shown = strongest(incident, WHY_SHOWN)
    if not shown:
        return
    printer.section("What is known" if incident.verdict == "unknown" else "Why")
    for item in shown:
        printer.say(item.statement, indent=6, first=f"  {words.elide(item.id, 3)}")
        again = _again(item, printer.width - 6)
        if again:
            printer.say(again, style="dim", indent=6)


def strongest(incident: Incident, count: int) -> list[EvidenceItem]:
    """The evidence behind the trigger, in its order; where there is none, the first evidence of all.

    Of what is too much each detector keeps its first: kinds of evidence that agree carry further than more of one.
    """
    by_id = {item.id: item for item in incident.evidence}
    chosen = [by_id[name] for name in incident.trigger.evidence if name in by_id] or list(incident.evidence)
    first = {item.detector: item.id for item in reversed(chosen)}
    kept = sorted(chosen, key=lambda item: first[item.detector] != item.id)[:count]
    return [item for item in chosen if item in kept]


def _again(item: EvidenceItem, room: int) -> str:
    """How to see it again, in one line: half a query helps nobody, so a long one gives way to a trace."""
    if item.query and len(item.query) <= room:
        return item.query
    return f"trace {words.elide(item.traces[0], 40)}" if item.traces else ""


def _cascade(incident: Incident, printer: Printer) -> None:
    """The cascade as a guide-lined tree with two columns of times; what is too much is counted."""
    root = cascade_tree(incident)
    lines = list(guided(root, ascii_only=printer.ascii_only))
    rows: list[tuple[str, str]] = []
    for guide, node in lines[: TREE_SHOWN + 1]:
        began = words.offset(node.onset_at - root.onset_at)
        well = "not yet" if node.recovered_at is None else words.offset(node.recovered_at - root.onset_at)
        times = f"{began:<13} {well}" if node is not root else f"{sentences.went(incident):<13} recovered"
        rows.append((guide + words.elide(node.component, max(12, printer.width - 36 - len(guide))), times))
    printer.rows(rows)
    hidden = len(lines) - len(rows)
    if hidden > 0:
        printer.say(f"... and {hidden} more", style="dim", indent=2)


def _loop(loop: Sustaining) -> tuple[str, str, str]:
    head = f"{sentences.LOOP[loop.kind]} in {words.elide(loop.component, 24)}"
    return head, words.times(loop.started_at, loop.ended_at), sentences.strength(loop)


def _phases(incident: Incident, end: float, width: int) -> list[tuple[str, str, str]]:
    """Name, times, and a bar on one common scale; an open end is an arrow to the end of the data."""
    first = min(phase.started_at for phase in incident.phases)
    last = max(first + 1, *(end if phase.ended_at is None else phase.ended_at for phase in incident.phases))
    names = [words.elide(sentences.phase(phase), 24) for phase in incident.phases]
    times = [words.times(phase.started_at, phase.ended_at) for phase in incident.phases]
    cells = max(8, min(width, 100) - max(map(len, names)) - max(map(len, times)) - 6)
    rows: list[tuple[str, str, str]] = []
    for name, time, phase in zip(names, times, incident.phases, strict=True):
        share = (phase.started_at - first) / (last - first)
        start = min(cells - 1, int(share * cells))
        stop = cells if phase.ended_at is None else round((phase.ended_at - first) / (last - first) * cells)
        length = max(1, stop - start)
        bar = "=" * length if phase.ended_at is not None else "=" * (length - 1) + ">"
        rows.append((name, time, " " * start + bar))
    return rows


def _limits(analysis: Analysis, printer: Printer) -> None:
    """What is no incident yet, what was too little for one, blind spots and skipped files: what the answer does not
    rest on."""
    _list(sentences.WARNINGS, [sentences.warning(told) for told in analysis.warnings], FEW_SHOWN, printer)
    unusual = [f"{told.statement}." for told in analysis.deviations]
    _list(sentences.UNUSUAL, unusual, FEW_SHOWN, printer)
    spots = [sentences.blind(spot) for spot in analysis.blind_spots]
    unknown = any(incident.verdict == "unknown" for incident in analysis.incidents)
    _list("What would settle it" if unknown else "What the data could not show", spots, FEW_SHOWN, printer)
    _list("Skipped, not looked at", list(analysis.recording.skipped), SKIPPED_SHOWN, printer)


def _list(heading: str, lines: list[str], most: int, printer: Printer) -> None:
    if lines:
        printer.section(heading)
    for line in lines[:most]:
        printer.say(line, indent=4, first="  - ")
    if len(lines) > most:
        printer.say(f"... and {len(lines) - most} more", style="dim", indent=4)
