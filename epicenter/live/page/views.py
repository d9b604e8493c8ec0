"""A snapshot -> what one page shows of it: the report's own parts, with what only a running server can say."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from jinja2 import FileSystemLoader

from ...detectors.analysis import RecordingSummary
from ...report import html, sentences, words
from ..feed import Snapshot, Tracked

BEHIND_WINDOWS = 3
"""Windows that the newest telemetry may lag before the page says that it does."""

_TEMPLATES = html.environment(FileSystemLoader(Path(__file__).parent))


@dataclass(frozen=True)
class View:
    """What is shown: `content` as HTML, the window's `title`, and what is `said` aloud when it changes, as text."""

    content: str
    title: str
    said: str

    @property
    def id(self) -> str:
        """A name of the content, the same in every process that shows the same."""
        return hashlib.sha256("\0".join((self.content, self.title, self.said)).encode()).hexdigest()[:20]


def current(snapshot: Snapshot, started_at: float, root: str) -> View:
    """What is wrong now: the open incident with the greatest impact, or calm and since when.

    started_at: Unix seconds from which on telemetry is looked at. root: path that all links begin with.
    """
    if snapshot.open:
        return _view(snapshot, snapshot.open[0], root)
    ends = [past.closed_at for past in snapshot.past if past.closed_at is not None]
    since = max(ends, default=started_at)
    why = "when the last incident was over" if ends else "when Epicenter began to look"
    text = f"No incident since {words.utc(since)}, {why}."
    content = _TEMPLATES.get_template("content.html.j2").render(
        _lists(snapshot, None, root), shown=None, calm_since=since, calm_why=why
    )
    return View(content, "No incident - Epicenter", text)


def one(snapshot: Snapshot, name: str, root: str) -> View | None:
    """The incident of this id, open or past; None where there is none of it (any more)."""
    shown = find(snapshot, name)
    return None if shown is None else _view(snapshot, shown, root)


def find(snapshot: Snapshot, name: str) -> Tracked | None:
    """The incident of this id."""
    return next((tracked for tracked in (*snapshot.open, *snapshot.past) if tracked.id == name), None)


def around(snapshot: Snapshot, start: float, end: float) -> Tracked | None:
    """Of the incidents that overlap this stretch of time (Unix seconds), the one with the greatest impact."""
    within = [
        tracked
        for tracked in (*snapshot.open, *snapshot.past)
        if sentences.zero(tracked.incident) <= end and start <= _end(tracked, snapshot)
    ]
    return max(within, key=lambda tracked: tracked.incident.impact, default=None)


def standing(snapshot: Snapshot | None, now: float) -> str:
    """How fresh what is shown is, in one sentence."""
    if snapshot is None:
        return "Starting: no telemetry has been looked at yet."
    lag = now - snapshot.at
    if lag > BEHIND_WINDOWS * snapshot.window_s:
        return f"Behind: the newest telemetry looked at is of {words.utc(snapshot.at)}, {words.span(lag)} ago."
    return f"Live: telemetry looked at up to {words.utc(snapshot.at)}."


def page(view: View | None, status: str, *, root: str, events: str, notice: str = "") -> str:
    """A whole page around a view; None while there is nothing to show yet.

    events: path of the stream that keeps it up to date, "" for a page that stays as it is.
    """
    return _TEMPLATES.get_template("live.html.j2").render(
        view=view, status=status, root=root, events=events, notice=notice, version=VERSION
    )


def _end(tracked: Tracked, snapshot: Snapshot) -> float:
    ends = (tracked.incident.ended_at, tracked.closed_at, snapshot.at)
    return next(end for end in ends if end is not None)


def headline(tracked: Tracked) -> str:
    """What an incident is, in one line of text."""
    incident = tracked.incident
    if incident.verdict == "unknown":
        return words.plain(sentences.untold(incident))
    return f"{words.plain(incident.trigger.component)} {sentences.broke(incident)}"


def _view(snapshot: Snapshot, shown: Tracked, root: str) -> View:
    incident = shown.incident
    seen = RecordingSummary(
        from_=incident.started_at, to=snapshot.at, spans=0, samples=0, changes=0, services=0, skipped=()
    )
    content = _TEMPLATES.get_template("content.html.j2").render(
        _lists(snapshot, shown, root),
        shown=shown,
        seen=seen,
        incident=incident,
        section=html.section(incident, 1, seen),
        first=True,
        which=_which(snapshot, shown),
    )
    said = f"{headline(shown)}. {sentences.standing(incident)}"
    return View(content, f"{headline(shown)} - Epicenter", said)


def _which(snapshot: Snapshot, shown: Tracked) -> str:
    if shown.closed_at is not None:
        return f"Past incident {shown.id}, closed at {words.utc(shown.closed_at)}"
    number, count = snapshot.open.index(shown) + 1, len(snapshot.open)
    of = f", {number} of {count} open by impact" if count > 1 else ""
    return f"Open incident {shown.id}{of}; explanation of {words.utc(shown.updated_at)}"


def _lists(snapshot: Snapshot, shown: Tracked | None, root: str) -> dict[str, object]:
    """What stands beside the incident on every page."""
    return {
        "root": root,
        "at": snapshot.at,
        "others": [tracked for tracked in snapshot.open if tracked is not shown],
        "past": snapshot.past,
        "blind_spots": snapshot.blind_spots,
        "warnings": snapshot.warnings,
        "headline": headline,
    }


STYLE = f"{html.text('page.css')}\n{Path(__file__).with_name('live.css').read_text(encoding='utf-8')}"
SCRIPT = Path(__file__).with_name("live.js").read_text(encoding="utf-8")
VERSION = hashlib.sha256((STYLE + SCRIPT).encode()).hexdigest()[:12]
"""Of style and script: a page never runs with those of another version."""
