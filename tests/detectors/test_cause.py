"""Who is suspected of what failed at the onset, and how surely."""

from __future__ import annotations

import pytest

from epicenter.detectors.cause import suspects
from epicenter.detectors.diagnosis import look
from epicenter.detectors.suspects import Suspect
from tests.detectors.frames import Row, at, call, windows
from tests.detectors.stories import NAME, calm, name_gone

STRAY, GONE, END = 20, 30, 45


def suspected(rows: list[Row], end: int = END) -> list[Suspect]:
    """Of an incident that a stray failure dates ten windows too early, or more."""
    seen, graph, findings, _ = look(windows(end, rows))
    return suspects(seen, graph, findings, at(STRAY))


def stray() -> list[Row]:
    return [call(w, "shop", "mail", "mail.example", errors_server=int(w == STRAY)) for w in range(END)]


@pytest.mark.parametrize("later", [0, 25])
def test_a_stray_failure_before_an_outage_is_not_what_began_it(later: int) -> None:
    gone, end = GONE + later, END + later
    top, *_ = suspected([*calm(0, gone), *name_gone(gone, end), *stray()], end)
    assert (top.component, top.evidence.window[0]) == (NAME, at(gone))
    assert top.certainty == 1.0


def test_all_of_a_few_failures_is_little_to_go_by() -> None:
    (top,) = suspected([*(row for row in calm(0, END) if not row["errors"]), *stray()])
    assert (top.component, top.score) == ("mail", 1.0)
    assert 0 < top.certainty < 0.25


@pytest.mark.parametrize(
    ("failure", "said"), [("server", "failed by the status of their answer"), ("connect", "were answered by nobody")]
)
def test_a_callee_without_spans_that_answered_with_a_status_was_reached(failure: str, said: str) -> None:
    rows = [call(w, "shop", "", "mail.example", 40, **{f"errors_{failure}": 30 * (w >= STRAY)}) for w in range(END)]
    top, *_ = suspected(
        [*rows, *(call(w, "", "shop", attempts=40, errors_server=30 * (w >= STRAY)) for w in range(END))]
    )
    assert (top.component, f"to mail.example {said}, within" in top.evidence.statement) == ("mail.example", True)
