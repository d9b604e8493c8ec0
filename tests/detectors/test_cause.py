"""Who is suspected of what failed at the onset, and how surely."""

from __future__ import annotations

from epicenter.detectors.cause import suspects
from epicenter.detectors.diagnosis import look
from epicenter.detectors.suspects import Suspect
from tests.detectors.frames import Row, at, call, windows
from tests.detectors.stories import NAME, calm, name_gone

STRAY, GONE, END = 20, 30, 45


def suspected(rows: list[Row]) -> list[Suspect]:
    """Of an incident that a stray failure dates ten windows too early."""
    seen, graph, findings, _ = look(windows(END, rows))
    return suspects(seen, graph, findings, at(STRAY))


def stray() -> list[Row]:
    return [call(w, "shop", "mail", "mail.example", errors_server=int(w == STRAY)) for w in range(END)]


def test_a_stray_failure_before_an_outage_is_not_what_began_it() -> None:
    top, *_ = suspected([*calm(0, GONE), *name_gone(GONE, END), *stray()])
    assert (top.component, top.evidence.window[0]) == (NAME, at(GONE))
    assert top.certainty == 1.0


def test_all_of_a_few_failures_is_little_to_go_by() -> None:
    (top,) = suspected([*(row for row in calm(0, END) if not row["errors"]), *stray()])
    assert (top.component, top.score) == ("mail", 1.0)
    assert 0 < top.certainty < 0.25
