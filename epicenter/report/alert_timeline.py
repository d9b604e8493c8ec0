"""When each alert fired against what really happened, as one SVG drawing that stands on its own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from ..rules.results import Backtest
from ..rules.verdicts import Kind, Verdict
from . import words
from .alert_headlines import detected_s, told_apart
from .alerts import SAYS
from .svg import label, picture, tag, wide
from .timeline import HEADING, Frame, axis

CLASSES: dict[Kind, str] = {
    "cause": "trigger",
    "early": "early",
    "loop": "loop",
    "symptom": "phase",
    "unattributed": "other",
    "fired": "other",
    "false_alarm": "false",
}
"""What a firing was on -> how its bar looks; shape and words tell it too, not the colour alone."""
_PHASES = {"trigger": "trigger", "cascade": "phase", "loop": "loop", "recovery": "other"}
TOP = 44.0


@dataclass(frozen=True)
class Row:
    """One line of bars, (start, end, class) in Unix seconds, its name, what is said beside it, and its upper edge."""

    text: str
    says: str
    bars: tuple[tuple[float, float, str], ...]
    heading: str
    y: float


def draw(result: Backtest, name: str, *, narrow: bool) -> Markup:
    """The drawing in one of two widths: the phases of the outage, then a row for each alert that fired."""
    labels, row = (0.0, 40.0) if narrow else (284.0, 25.0)
    frame = Frame(340 if narrow else 1040, labels, 10.0, row, result.start, max(result.end, result.start + 1))
    rows = list(_rows(result, frame))
    height = (rows[-1].y + frame.row if rows else TOP) + 4
    return picture(
        name,
        frame.width,
        height,
        "When each alert fired",
        "; ".join(f"{row.text}: {row.says or 'as long as its bar'}" for row in rows) or "No alert fired",
        *_bands(result, frame, height),
        *axis(frame, height),
        *(part for row in rows for part in _line(row, frame)),
    )


def fired(verdicts: Sequence[Verdict]) -> list[Verdict]:
    """Those that fired, the better verdict and the earlier first."""
    order = list(SAYS)
    return sorted(
        (one for one in verdicts if one.firings),
        key=lambda one: (order.index(one.kind), min(found.firing.start for found in one.firings), one.name),
    )


def _rows(result: Backtest, frame: Frame) -> Iterator[Row]:
    y = TOP
    apart = told_apart(result.verdicts)
    groups = (
        ("What really happened", [_phase(one.phase, one.start, one.end, one.share) for one in result.coverage]),
        ("Alerts that fired", [_alert(one, apart[one.file, one.line, one.name]) for one in fired(result.verdicts)]),
    )
    for heading, lines in groups:
        y += HEADING if lines else 0
        for number, (text, says, bars) in enumerate(lines):
            yield Row(text, says, bars, "" if number else heading, y)
            y += frame.row


def _phase(name: str, start: float, end: float, share: float) -> tuple[str, str, tuple[tuple[float, float, str], ...]]:
    return name, f"{words.span(end - start)}, told of {share:.0%}", ((start, end, _PHASES[name]),)


def _alert(one: Verdict, name: str) -> tuple[str, str, tuple[tuple[float, float, str], ...]]:
    bars: list[tuple[float, float, str]] = []
    for kind, class_ in reversed(CLASSES.items()):  # the better on top
        spans = sorted((f.firing.start, f.firing.end + one.interval_s) for f in one.firings if f.kind == kind)
        for start, end in spans:
            if bars and bars[-1][2] == class_ and start <= bars[-1][1]:
                bars[-1] = (bars[-1][0], max(end, bars[-1][1]), class_)
            else:
                bars.append((start, end, class_))
    at = detected_s(one)
    return name, f"{SAYS[one.kind]}{'' if at is None else f' {words.offset(at)}'}", tuple(bars)


def _bands(result: Backtest, frame: Frame, height: float) -> Iterator[Markup]:
    """Trigger and loop behind all rows, so that the eye can follow them down."""
    for one in result.coverage:
        if one.phase in ("trigger", "loop"):
            x, until = frame.x(one.start), frame.x(one.end)
            yield tag(
                "rect", x=x, y=14, width=max(1.5, until - x), height=height - 18, class_=f"band faint {one.phase}"
            )


def _line(row: Row, frame: Frame) -> Iterator[Markup]:
    y = row.y if frame.labels else row.y + 18
    if row.heading:
        yield tag("text", row.heading, x=0, y=row.y - 6, class_="tick")
    first, last = frame.width, 0.0
    for start, end, class_ in row.bars:
        x, until = frame.x(start), max(frame.x(end), frame.x(start) + 3)
        told = f"{row.text}, {words.times(start, end)}"
        yield tag("rect", tag("title", told), x=x, y=y, width=until - x, height=18, rx=2, class_=f"bar edged {class_}")
        yield tag("rect", x=x, y=y, width=3, height=18, class_=f"edge {class_}")
        first, last = min(first, x), max(last, until)
    if not frame.labels:
        yield label(row.text, 0, row.y + 13, frame.width - wide(row.says, 12) - 8, 13, "name")
        yield tag("text", row.says, x=frame.width, y=row.y + 13, class_="tick", text_anchor="end")
        return
    yield label(row.text, 0, row.y + 13, frame.labels - 12, 13, "name")
    room = wide(row.says, 12)
    if last + 6 + room < frame.width:
        at, anchor = last + 6, "start"
    elif first - 6 - room > frame.left:
        at, anchor = first - 6, "end"
    else:
        at, anchor = first + 9, "start"
    yield tag("text", row.says, x=at, y=row.y + 13.5, class_="when", text_anchor=anchor, font_size=12)
