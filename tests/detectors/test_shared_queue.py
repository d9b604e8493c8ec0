"""Traffic that nobody tells of fills a device; when it has gone, the repeats of its callers keep it full."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pytest

from epicenter.detectors import analyze
from epicenter.detectors.analysis import Incident
from tests.detectors.frames import SUMMARY, Row, at, call, gauge, windows

STORES = ("orders", "cart", "stock")
FULL, LEFT, RELIEVED, END = 30, 38, 50, 60


def crowded(passing: dict[int, int], attempts: int, users: int) -> Iterator[Row]:
    """40 requests a window to each store, tried so many times while the device is full; of each hundred tries so many
    pass, too late, from a window on. From LEFT on until it is well the users make so many requests."""
    for window in range(END):
        bad = FULL <= window < RELIEVED
        asked = users if LEFT <= window < RELIEVED else 40
        yield call(window, "", "shop", attempts=3 * asked, errors_server=5 * asked // 2 * bad)
        for name in STORES:
            if not bad:
                yield call(window, "shop", name, f"{name}.example", attempts=40)
                continue
            tried = asked * attempts
            passed = tried * next(share for since, share in reversed(passing.items()) if window >= since) // 100
            late = {"errors_deadline": passed, "wasted": passed}
            yield call(window, "shop", name, f"{name}.example", attempts=passed, originals=passed // attempts, **late)
            unasked = {"errors_dns_timeout": tried - passed, "unanswered_ns": (tried - passed) * 5 * 10**9}
            lost = tried - passed
            yield call(
                window, "shop", "", f"{name}.example", attempts=lost, originals=asked - passed // attempts, **unasked
            )


def patient() -> Iterator[Row]:
    """Another caller waits for longer: once others have left, all that it asks is answered."""
    for window in range(END):
        late = FULL <= window < LEFT
        yield call(window, "", "till", attempts=90, errors_server=90 * late)
        told = {"errors_deadline": 90, "wasted": 90} if late else {}
        yield call(window, "till", "orders", "orders.example", attempts=90, **told)


def explained(passing: dict[int, int], attempts: int, users: int = 40, more: Iterable[Row] = ()) -> Incident:
    ages = gauge("core-9", "queue_age_s", [12.0 if FULL <= window < RELIEVED else 0.0 for window in range(END)])
    (incident,) = analyze(windows(END, [*crowded(passing, attempts, users), *more], ages), SUMMARY).incidents
    assert (incident.trigger.component, incident.trigger.kind) == ("core-9", "network_congestion")
    return incident


def test_the_trigger_ends_when_others_leave_the_queue_and_not_when_the_repeats_do() -> None:
    incident = explained({FULL: 2, LEFT: 30}, attempts=4)
    assert incident.trigger.ended_at == at(LEFT)
    (told,) = (item for item in incident.evidence if item.detector == "shared_queue")
    assert told.statement.startswith("30% of the calls through core-9 passed, 2% before, while its queue stayed full")
    assert "others left, or room was added" in told.statement
    assert told.id in incident.trigger.evidence
    (loop,) = (loop for loop in incident.sustaining if loop.component == "core-9")
    assert (loop.kind, loop.started_at, loop.ended_at) == ("retry_storm", at(LEFT), at(RELIEVED))
    assert (loop.metastable, loop.amplification, loop.edges[0]) == (True, 4.0, ("shop", "cart"))
    assert any("is over, but it has not recovered" in update.text for update in incident.updates)


def test_a_caller_that_waits_for_longer_and_gets_its_answers_does_not_hide_the_repeats_of_others() -> None:
    incident = explained({FULL: 2, LEFT: 30}, attempts=4, more=patient())
    assert incident.trigger.ended_at == at(LEFT)
    (loop,) = (loop for loop in incident.sustaining if loop.component == "core-9")
    assert loop.edges == tuple(("shop", name) for name in sorted(STORES))


@pytest.mark.parametrize(
    ("passing", "attempts", "users"),
    [
        ({FULL: 20}, 4, 40),
        ({FULL: 2, LEFT: 30}, 1, 40),
        ({FULL: 2, RELIEVED - 1: 30}, 4, 40),
        ({FULL: 8, LEFT: 18}, 4, 14),
    ],
    ids=["nobody left", "nobody repeats", "over within a minute", "users left, and so more of their calls pass"],
)
def test_else_it_lasts_as_long_as_the_queue(passing: dict[int, int], attempts: int, users: int) -> None:
    incident = explained(passing, attempts, users)
    assert incident.trigger.ended_at == at(RELIEVED)
    assert "core-9" not in {loop.component for loop in incident.sustaining}
