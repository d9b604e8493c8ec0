"""Users who only wait: an incident where all take long and none fails, and none where it is no more than usual."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from epicenter.collector.model import Windows
from epicenter.detectors import analyze
from epicenter.detectors.online import Watcher, between
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


def elsewhere(window: int, failed: int) -> Row:
    """Users of another front, of whom so many of forty fail."""
    return call(window, "", "billing", attempts=40, errors_server=failed)


def test_a_wait_is_an_incident_of_its_own_beside_failures_elsewhere() -> None:
    seen: list[Row] = []
    for window in range(100):
        store_s = 2.0 if 40 <= window < 70 else 0.1
        seen += [*asked(window, 0.02 + store_s, store_s), elsewhere(window, 30 if 50 <= window < 55 else 0)]
    incidents = analyze(windows(100, seen), SUMMARY).incidents
    assert [i.trigger.component for i in incidents] == ["billing", STORE]
    assert [step.component for step in incidents[1].cascade] == ["shop"]


def test_what_began_as_a_wait_and_then_failed_is_one_incident_from_the_wait_on() -> None:
    rows = [row for window in range(40) for row in asked(window, 0.12, 0.1)]
    rows += [row for window in range(40, 60) for row in asked(window, 2.02, 2.0)]
    for window in range(60, 70):
        rows += [
            call(window, "", "shop", server_ns=int(SHOP * 10.0 * 1e9), errors_deadline=15),
            call(window, "shop", "", STORE, errors_deadline=15, client_ns=int(2e11), unanswered_ns=int(2e11)),
        ]
    rows += [row for window in range(70, 90) for row in asked(window, 0.12, 0.1)]
    (incident,) = analyze(windows(90, rows), SUMMARY).incidents
    assert (incident.trigger.component, incident.started_at, incident.ended_at) == (STORE, at(40), at(70))
    assert incident.impact > 100


def test_pauses_between_tries_count_against_what_fails_them() -> None:
    def tries(window: int, failing: int) -> Iterator[Row]:
        pause_ns = failing * 2_000_000_000
        yield call(window, "", "shop", attempts=40, server_ns=40 * 30_000_000 + pause_ns)
        yield call(window, "shop", "cart", "cart.example", attempts=40, server_ns=40 * 20_000_000 + pause_ns)
        yield call(window, "cart", "prices", "prices.example", attempts=40)
        if failing:
            yield call(window, "cart", "", "prices.example", failing, errors_dns_servfail=failing, originals=0)

    rows = [row for window in range(60) for row in tries(window, 20 if window >= 40 else 0)]
    (incident,) = analyze(windows(60, rows), SUMMARY).incidents
    assert (incident.trigger.component, incident.trigger.kind) == ("prices.example", "dns.servfail")
    assert (incident.dns.role, incident.impact) == ("root", 0)


def test_the_second_wait_is_told_from_what_was_usual_since_the_first() -> None:
    found = analyze(story((30, 0.1), (40, 20.0), (60, 0.1), (12, 2.0)), SUMMARY).incidents
    assert [(i.trigger.component, i.started_at) for i in found] == [(STORE, at(30)), (STORE, at(130))]


def test_a_quiet_night_in_which_only_heavy_requests_stay_is_no_wait() -> None:
    def hour(window: int, quick: int) -> Row:
        return call(window, "", "shop", attempts=quick + 10, server_ns=quick * 100_000_000 + 10 * 3_000_000_000)

    rows = [hour(window, 200 if window < 60 else 20) for window in range(120)]
    assert users_waited(windows(120, rows)) == []


def test_where_only_one_caller_waits_for_a_callee_it_is_the_caller_that_is_slow() -> None:
    rows: list[Row] = []
    for window in range(80):
        extra_s = 1.5 if window >= 50 else 0.0
        rows += [
            call(window, "", "cart", server_ns=int(SHOP * (0.05 + extra_s) * 1e9)),
            call(window, "cart", "", STORE, client_ns=int(20 * (0.01 + extra_s) * 1e9)),
            call(window, "", "mail"),
            call(window, "mail", "", STORE),
        ]
    told = [{**row, "unanswered_ns": 0 if row["server"] else row["client_ns"]} for row in rows]
    (incident,) = analyze(windows(80, told), SUMMARY).incidents
    assert incident.trigger.component == "cart"


def test_a_few_slow_windows_after_a_wait_is_over_do_not_open_it_anew() -> None:
    (incident,) = analyze(story((30, 0.1), (12, 2.0), (12, 0.1), (3, 2.0)), SUMMARY).incidents
    assert incident.ended_at == at(42)


def hidden(
    slow: int, *, failing: bool = True, usually: bool = False, elsewhere: bool = False, after: int = 0
) -> Windows:
    """In windows of 10 s: for so many of them users take 6 s instead of 0.1 s and end well, while the shop waits for
    the store, or `elsewhere`, and asks the store again, which fails by status, or does so `usually`."""

    def rows() -> Iterator[Row]:
        for window in range(30 + slow + after):
            bad = 30 <= window < 30 + slow
            fails, waits = (bad and failing) or usually, 0 if not bad or elsewhere else 110_000_000_000
            yield call(window, "", "shop", server_ns=int(SHOP * (6.0 if bad else 0.1) * 1e9))
            asked = {"client_ns": waits or 400_000_000, "unanswered_ns": waits or 400_000_000}
            yield call(window, "shop", "", STORE, 80 if fails else 20, originals=20, errors_server=80 * fails, **asked)

    made = windows(30 + slow + after, rows())
    calls = made.calls.assign(window=made.start + (made.calls["window"] - made.start) // 3)
    return replace(made, window_s=10, end=made.start + (made.end - made.start) // 3, calls=calls)


def test_a_wait_for_who_fails_nearly_all_is_told_after_a_minute() -> None:
    known = [bool(analyze(hidden(slow), SUMMARY).incidents) for slow in range(1, 10)]
    assert known == [slow >= 6 for slow in range(1, 10)]
    (incident,) = analyze(hidden(9), SUMMARY).incidents
    assert (incident.trigger.component, incident.detected_at - incident.started_at) == (STORE, 60.0)


@pytest.mark.parametrize(
    "seen",
    [
        pytest.param(hidden(11, failing=False), id="cold caches"),
        pytest.param(hidden(11, usually=True), id="what always fails"),
        pytest.param(hidden(11, elsewhere=True), id="waits for something else"),
        pytest.param(hidden(5, after=20), id="a start"),
    ],
)
def test_other_waits_of_less_than_two_minutes_wake_nobody(seen: Windows) -> None:
    assert analyze(seen, SUMMARY).incidents == ()


@pytest.mark.parametrize(("after", "over"), [(2, False), (3, True), (12, True)])
def test_what_was_slow_without_a_break_is_over_after_three_fast_windows(after: int, over: bool) -> None:
    (incident,) = analyze(story((30, 0.1), (12, 2.0), (after, 0.1)), SUMMARY).incidents
    assert incident.ended_at == (at(42) if over else None)


@pytest.mark.parametrize(("after", "over"), [(4, False), (5, True)])
def test_what_came_and_went_is_over_after_more_fast_windows_than_ever_lay_in_between(after: int, over: bool) -> None:
    seen = story((30, 0.1), (10, 2.0), (4, 0.1), (10, 2.0), (after, 0.1))
    (incident,) = analyze(seen, SUMMARY).incidents
    assert (incident.started_at, incident.ended_at) == (at(30), at(54) if over else None)


def test_the_watcher_tells_of_a_hidden_failure_as_the_batch_does() -> None:
    whole = hidden(9, after=20)
    watcher, told = Watcher(10), list[int]()
    for end in range(whole.start + 10, whole.end + 1, 10):
        analysis = watcher.step(between(whole, end - 10, end), SUMMARY)
        batch = analyze(between(whole, whole.start, end), SUMMARY).incidents
        assert (() if analysis is None else analysis.incidents) == batch
        told += [(end - whole.start) // 10] if batch else []
    assert told[0] == 36
