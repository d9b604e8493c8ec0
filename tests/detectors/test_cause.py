"""Who is suspected of what failed at the onset, and how surely."""

from __future__ import annotations

import pytest

from epicenter.detectors import analyze
from epicenter.detectors.cause import suspects
from epicenter.detectors.diagnosis import look
from epicenter.detectors.suspects import Suspect
from tests.detectors.frames import SUMMARY, Row, at, call, change, gauge, windows
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


def cart_fails(of_prices: int = 0) -> list[Row]:
    """The cart answers with errors from window 30 on, and no call of its to the prices is told of any more."""
    rows = list(calm(0, GONE))
    for w in range(GONE, END):
        rows += [call(w, "", "shop", attempts=40, errors_server=30)]
        rows += [call(w, "shop", "cart", "cart.example", attempts=40, errors_server=30)]
        rows += [call(w, "mail", "prices", NAME, attempts=of_prices)] * bool(of_prices)
    return rows


def test_who_may_fail_because_of_a_callee_that_nothing_tells_of_is_not_surely_to_blame() -> None:
    analysis = analyze(windows(END, cart_fails()), SUMMARY)
    (incident,) = analysis.incidents
    assert (incident.trigger.component, incident.verdict) == ("cart", "unknown")
    told = [spot.statement for spot in analysis.blind_spots if spot.component == "cart"]
    assert [text.partition(":")[0] for text in told] == ["cart called prices, of which nothing tells since it fails"]


@pytest.mark.parametrize(
    ("rows", "signals", "changes"),
    [
        (cart_fails(of_prices=5), [], []),
        (cart_fails(), gauge("prices", "requests", [40.0] * GONE + [0.0] * (END - GONE)), []),
        (cart_fails(), [], [change(GONE - 0.5, "deploy", "cart", "ci", None)]),
    ],
    ids=["its callee is well for others", "its callee counts no requests", "it was changed"],
)
def test_who_fails_by_itself_calls_nobody_and_is_surely_to_blame(
    rows: list[Row], signals: list[Row], changes: list[Row]
) -> None:
    (incident,) = analyze(windows(END, rows, signals, changes), SUMMARY).incidents
    assert (incident.trigger.component, incident.verdict) == ("cart", "cascade")
