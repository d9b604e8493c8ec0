"""The timeline as a drawing: what users felt, above what was broken, what kept going, and what was said."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from markupsafe import Markup

from ..collector.model import Windows
from ..detectors.analysis import Incident, RecordingSummary
from . import sentences, words
from .felt import felt
from .svg import label, picture, tag, wide

TICKS_S = (60, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 7 * 86400)
TOP_SHARES = (0.01, 0.02, 0.05, 0.1, 0.2, 0.25, 0.5, 1.0)
"""Upper ends of the vertical axis: the smallest that holds the peak."""

TOP_SECONDS = (0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0)
"""The same of an axis of mean times."""

HEADING = 24.0
"""Pixels above a group of bars."""


@dataclass(frozen=True)
class Frame:
    """Where things go. `labels` is the width of the left column; 0 puts the labels above the bars (phones)."""

    width: float
    labels: float
    chart: float
    row: float
    start: float
    end: float

    @property
    def left(self) -> float:
        """Left edge of the plot; the axis numbers stand before it."""
        return self.labels or 50

    def x(self, time: float) -> float:
        """Pixels from the left for a moment, held within the plot."""
        share = (time - self.start) / (self.end - self.start)
        return self.left + min(1.0, max(0.0, share)) * (self.width - self.left - 12)


@dataclass(frozen=True)
class Row:
    """One bar below the chart; `heading` opens a group of bars, `y` is its upper edge."""

    text: str
    started_at: float
    ended_at: float | None
    class_: str
    heading: str
    y: float


def draw(incident: Incident, seen: RecordingSummary, windows: Windows | None, name: str, *, narrow: bool) -> Markup:
    """The drawing in one of two widths; without `windows` it has no curve of what users felt."""
    start, end = _range(incident, seen)
    frame = _frame(start, end, narrow=narrow, chart=windows is not None)
    rows = _rows(incident, frame)
    updates_y = rows[-1].y + frame.row if rows else frame.chart + 34
    height = updates_y + (34 if incident.updates else 4)
    return picture(
        name,
        frame.width,
        height,
        "Timeline of the incident",
        _described(rows, incident),
        *_bands(rows, frame),
        *axis(frame, height),
        *(_curve(windows, frame, waits=sentences.waited(incident)) if windows is not None else ()),
        *(part for row in rows for part in _bar(row, incident, frame)),
        _detected(incident, frame),
        *(_updates(incident, frame, updates_y) if incident.updates else ()),
    )


def _range(incident: Incident, seen: RecordingSummary) -> tuple[float, float]:
    """The incident with a little calm on both sides, as far as the recording goes."""
    end = seen.to if incident.ended_at is None else incident.ended_at
    first = min(incident.started_at, incident.trigger.started_at)
    margin = max(60.0, 0.06 * (end - first))
    return first - margin, max(end, first + 1) + (0 if incident.ended_at is None else margin)


def _frame(start: float, end: float, *, narrow: bool, chart: bool) -> Frame:
    tall = (110 if narrow else 150) if chart else 26
    return Frame(340, 0, tall, 40, start, end) if narrow else Frame(1040, 284, tall, 25, start, end)


def _rows(incident: Incident, frame: Frame) -> list[Row]:
    trigger, loops, phases = incident.trigger, incident.sustaining, incident.phases
    first = [(trigger.component, trigger.started_at, trigger.ended_at)] if incident.verdict != "unknown" else []
    groups = (
        ("What broke", "trigger", first),
        (
            "What kept it going",
            "loop",
            [(f"{sentences.LOOP[loop.kind]} in {loop.component}", loop.started_at, loop.ended_at) for loop in loops],
        ),
        ("Phases", "phase", [(sentences.phase(phase), phase.started_at, phase.ended_at) for phase in phases]),
    )
    rows: list[Row] = []
    y = frame.chart + 34
    for heading, class_, bars in groups:
        y += HEADING if bars else 0
        for number, (text, started_at, ended_at) in enumerate(bars):
            rows.append(Row(text, started_at, ended_at, class_, "" if number else heading, y))
            y += frame.row
    return rows


def _described(rows: list[Row], incident: Incident) -> str:
    parts = [f"{row.text}, {words.times(row.started_at, row.ended_at)}" for row in rows]
    said = [words.clock(update.at) for update in incident.updates]
    return "; ".join(
        [*parts, f"detected {words.clock(incident.detected_at)}", *([f"updates {', '.join(said)}"] if said else [])]
    )


def _bands(rows: list[Row], frame: Frame) -> Iterator[Markup]:
    for row in rows:
        if row.class_ != "phase":
            x, until = frame.x(row.started_at), frame.x(frame.end if row.ended_at is None else row.ended_at)
            yield tag("rect", x=x, y=14, width=max(1.5, until - x), height=frame.chart - 4, class_=f"band {row.class_}")


def axis(frame: Frame, height: float) -> Iterator[Markup]:
    """Hours of UTC, with the date where it is new."""
    room = 44 if frame.labels else 46
    most = (frame.width - frame.left) / room
    step = next((tick for tick in TICKS_S if (frame.end - frame.start) / tick <= most), TICKS_S[-1])
    base = frame.chart + 10
    yield tag("line", x1=frame.left, x2=frame.width - 12, y1=base, y2=base, class_="axis")
    date = ""
    first = int(-(-frame.start // step) * step)
    for time in range(first, int(frame.end) + 1, step):
        x = frame.x(time)
        yield tag("line", x1=x, x2=x, y1=14, y2=height - 4, class_="grid")
        # at the very end of the axis, half a label would run out of the picture
        anchor = {"x": x, "text_anchor": "middle"} if x + 18 < frame.width else {"x": frame.width, "text_anchor": "end"}
        yield tag("text", words.clock(time).removesuffix("Z"), y=base + 14, class_="tick", **anchor)
        day = words.utc(time)[:10]
        if day != date:
            # A date is wider than a tick: at the right edge it would run out of the picture.
            fits = x + 34 < frame.width
            yield tag(
                "text",
                f"{day} UTC",
                x=x if fits else frame.width,
                y=11,
                text_anchor="start" if fits else "end",
                class_="tick",
            )
            date = day


def _curve(windows: Windows, frame: Frame, *, waits: bool) -> Iterator[Markup]:
    """The share of users' requests that failed, or how long they took, as an area of steps."""
    points = felt(windows, frame.start, frame.end, bins=int((frame.width - frame.left) / 2), waits=waits)
    most, tops = max((p.value for p in points), default=0.0), TOP_SECONDS if waits else TOP_SHARES
    top = next((top for top in tops if top >= most), most)
    base, tall = frame.chart + 10, frame.chart - 8
    for value in (top, top / 2):
        y = base - tall * value / top
        yield tag("line", x1=frame.left, x2=frame.width - 12, y1=y, y2=y, class_="grid")
        said = f"{value:g} s" if waits else f"{value * 100:g} %"
        yield tag("text", said, x=frame.left - 5, y=y + 4, text_anchor="end", class_="tick")
    steps = [
        f"M{frame.x(p.start):.1f} {base:.1f}V{base - tall * p.value / top:.1f}H{frame.x(p.end):.1f}V{base:.1f}Z"
        for p in points
        if p.value > 0
    ]
    if steps:
        yield tag("path", d="".join(steps), class_="felt")
    if frame.labels:
        for line, text in enumerate(("Requests of users:", "mean time" if waits else "share that failed")):
            yield label(text, 0, 34 + 16 * line, frame.labels - 50, 13, "name")


def _bar(row: Row, incident: Incident, frame: Frame) -> Iterator[Markup]:
    x, until = frame.x(row.started_at), frame.x(frame.end if row.ended_at is None else row.ended_at)
    y = row.y if frame.labels else row.y + 18
    if row.heading:
        yield tag("text", row.heading, x=0, y=row.y - 6, class_="tick")
    yield tag("rect", x=x, y=y, width=max(3, until - x), height=18, rx=2, class_=f"bar {row.class_}")
    yield tag("rect", x=x, y=y, width=3, height=18, class_=f"edge {row.class_}")
    if row.ended_at is None:
        yield tag("path", d=f"M{until - 7:.1f} {y + 3:.1f}l6 6l-6 6", class_=f"open {row.class_}")
    yield from (_beside if frame.labels else _above)(row, x, until, row.started_at - sentences.zero(incident), frame)


def _beside(row: Row, x: float, until: float, since: float, frame: Frame) -> Iterator[Markup]:
    """The name in the column on the left; the times inside the bar, behind it or before it, where there is room."""
    lasted = "lasting" if row.ended_at is None else f"for {words.span(row.ended_at - row.started_at)}"
    text = f"{words.offset(since)}, {lasted}"
    room = wide(text, 12)
    if x + 9 + room < until - 8:
        at, anchor = x + 9, "start"
    elif until + 6 + room < frame.width:
        at, anchor = until + 6, "start"
    else:
        at, anchor = x - 6, "end"
    yield label(row.text, 0, row.y + 13, frame.labels - 12, 13, "name")
    yield tag("text", text, x=at, y=row.y + 13.5, class_="when", text_anchor=anchor, font_size=12)


def _above(row: Row, x: float, until: float, since: float, frame: Frame) -> Iterator[Markup]:
    """Name and times in a line above the bar, for phones."""
    lasted = "lasting" if row.ended_at is None else words.compact(row.ended_at - row.started_at).removeprefix("+")
    text = f"{words.compact(since)}, {lasted}"
    yield label(row.text, 0, row.y + 13, frame.width - wide(text, 12) - 8, 13, "name")
    yield tag("text", text, x=frame.width, y=row.y + 13, class_="tick", text_anchor="end")


def _detected(incident: Incident, frame: Frame) -> Markup:
    x, foot = frame.x(incident.detected_at), frame.chart + 10
    text = f"visible {words.offset(incident.detected_at - sentences.zero(incident))}"
    fits = x + 6 + wide(text, 12) < frame.width
    return tag(
        "g",
        tag("line", x1=x, x2=x, y1=14, y2=foot),
        tag("text", text, x=x + 6 if fits else x - 6, y=26, text_anchor="start" if fits else "end", font_size=12),
        class_="detected",
    )


def _updates(incident: Incident, frame: Frame, y: float) -> Iterator[Markup]:
    """Numbered dots; those too close together step aside, to the right and at the edge back to the left."""
    gap, last = 19.0, frame.width - 10
    places: list[float] = []
    for update in incident.updates:
        places.append(max(frame.x(update.at), places[-1] + gap if places else 0))
    for number in range(len(places) - 1, -1, -1):
        places[number] = min(places[number], last - gap * (len(places) - 1 - number))
    if frame.labels:
        yield label("Updates, as below", 0, y + 17, frame.labels - 12, 13, "name")
    for number, (update, x) in enumerate(zip(incident.updates, places, strict=True), 1):
        yield tag("line", x1=frame.x(update.at), x2=x, y1=y - 2, y2=y + 6, class_="lead")
        yield tag("circle", tag("title", update.text), cx=x, cy=y + 13, r=8.5, class_="update")
        yield tag("text", str(number), x=x, y=y + 17, text_anchor="middle", class_="update", font_size=11)
