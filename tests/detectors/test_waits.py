"""Users who only wait: an incident where all take long and none fails, and none where it is no more than usual."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from epicenter.collector.model import Windows
from epicenter.detectors import analyze
from epicenter.detectors.waits import users_waited
from tests.detectors.frames import SUMMARY, Row, at, call, windows
from tests.detectors.stories import callee_slow, calm, process_gone

SHOP, STORE = 20, "store.example"


def asked(window: int, shop_s: float, store_s: float) -> Iterator[Row]:
    """Users ask the shop, and the shop a store without spans; each of 20 calls takes so long."""
    yield call(window, "", "shop", server_ns=int(SHOP * shop_s * 1e9))
    yield call(window, "shop", "", STORE, client_ns=int(20 * store_s * 1e9), unanswered_ns=int(20 * store_s * 1e9))


def story(*stretches: tuple[int, float]) -> Windows:
    """Stretches of so many windows each, in which the store takes so many seconds."""
    seconds = [store_s for length, store_s in stretches for _ in range(length)]
    rows = [row for window, store_s in enumerate(seconds) for row in asked(window, 0.02 + store_s, store_s)]
    return windows(len(seconds), rows)


def test_a_store_that_everybody_waits_for_is_an_incident_with_no_failed_request() -> None:
    (incident,) = analyze(story((30, 0.1), (12, 2.0), (45, 0.1)), SUMMARY).incidents
    assert (incident.trigger.component, incident.trigger.kind) == (STORE, "slow")
    assert (incident.started_at, incident.ended_at, incident.impact) == (at(30), at(42), 0)
    assert incident.verdict == "cascade"
    assert [step.component for step in incident.cascade] == ["shop"]
    assert "take far longer than usual" in incident.updates[0].text


def test_the_deepest_of_those_that_take_long_is_named() -> None:
    (incident,) = analyze(windows(60, [*calm(0, 30), *callee_slow(30, 60)]), SUMMARY).incidents
    assert (incident.trigger.service, incident.trigger.kind) == ("prices", "slow")
    assert [step.component for step in incident.cascade] == ["shop"]


def test_it_is_known_after_six_slow_windows_and_goes_on_until_users_wait_no_more() -> None:
    known = [bool(analyze(story((30, 0.1), (slow, 2.0)), SUMMARY).incidents) for slow in range(1, 9)]
    assert known == [slow >= 6 for slow in range(1, 9)]
    (incident,) = analyze(story((30, 0.1), (8, 2.0)), SUMMARY).incidents
    assert incident.ended_at is None


@pytest.mark.parametrize(
    "calm_story",
    [
        pytest.param(story((30, 0.1), (20, 0.3)), id="not as much longer as people notice"),
        pytest.param(story((30, 2.0), (20, 3.0)), id="not twice as long"),
        pytest.param(story((50, 2.0)), id="always slow"),
        pytest.param(story(*[(1, 0.05 + 1.5 * (n % 3 == 0)) for n in range(60)]), id="often slow"),
        pytest.param(story((30, 0.1), (2, 5.0), (30, 0.1)), id="for a moment"),
        pytest.param(story((4, 0.1), (20, 2.0)), id="nothing known of what is usual"),
        pytest.param(story(*[(1, 0.1 * 1.002**n) for n in range(600)]), id="a little slower each hour"),
    ],
)
def test_nothing_is_said_where_users_wait_as_they_are_used_to(calm_story: Windows) -> None:
    assert analyze(calm_story, SUMMARY).incidents == ()


def test_one_incident_where_calls_that_fail_also_take_long() -> None:
    seen = windows(60, [*calm(0, 20), *process_gone(20, 30), *calm(30, 60)])
    assert len(analyze(seen, SUMMARY).incidents) == 1


def test_times_that_nobody_told_are_no_waits() -> None:
    rows = [call(w, "", "shop", server_ns=0 if w % 2 else 20 * 2_000_000_000) for w in range(60)]
    assert users_waited(windows(60, rows)) == []
