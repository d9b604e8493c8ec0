"""What stands behind the failures takes them over, and nothing that only looks so."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from epicenter.detectors import analyze
from tests.detectors.frames import SUMMARY, Row, at, call, change, signal, windows
from tests.detectors.stories import callee_fails, calm

END = 60


def shared_way(prefix: str) -> Iterator[Row]:
    """Three services lose a like share of their calls; all services' names begin with the prefix."""
    for window in range(END):
        lost = 24 if 30 <= window < 45 else 0
        yield call(window, "", f"{prefix}shop", attempts=120, errors_server=3 * lost)
        for name in ("orders", "cart", "stock"):
            yield call(window, f"{prefix}shop", f"{prefix}{name}", f"{name}.example", attempts=40 - lost)
            if lost:
                waited = {"errors_connect": lost, "unanswered_ns": lost * 3 * 10**9}
                yield call(window, f"{prefix}shop", "", f"{name}.example", attempts=lost, **waited)


@pytest.mark.parametrize("prefix", ["", "Contoso."])
def test_services_whose_names_begin_alike_are_several(prefix: str) -> None:
    changes = [change(29.9, "manual", "router-7", "operators", None)]
    (incident,) = analyze(windows(END, shared_way(prefix), changes=changes), SUMMARY).incidents
    assert (incident.trigger.component, incident.trigger.kind) == ("router-7", "network_congestion")


def test_a_change_elsewhere_is_no_way_to_services_that_answer_with_errors() -> None:
    def failing() -> Iterator[Row]:
        for window in range(END):
            bad = 24 if 30 <= window < 45 else 0
            yield call(window, "", "shop", attempts=120, errors_server=3 * bad)
            for name in ("orders", "cart", "stock"):
                yield call(window, "shop", name, f"{name}.example", attempts=40, errors_server=bad)

    changes = [change(29.9, "manual", "nightly-report", "operators", None)]
    (incident,) = analyze(windows(END, failing(), changes=changes), SUMMARY).incidents
    assert "nightly-report" not in {incident.trigger.component, *(c.component for c in incident.candidates)}


def test_a_callee_and_the_servers_of_its_name_that_are_lost_at_once_are_lost_on_the_way() -> None:
    def lost(waited_s: int) -> Iterator[Row]:
        yield from calm(0, 30)
        for window in range(30, 45):
            yield call(window, "", "shop", attempts=40, errors_server=40)
            yield call(window, "shop", "cart", "cart.example", attempts=40, errors_server=40)
            waited = {"errors_connect": 20, "errors_dns_servfail": 20, "unanswered_ns": 40 * waited_s * 10**9}
            yield call(window, "cart", "", "prices.example", attempts=40, **waited)
        yield from calm(45, END)

    changes = [change(29.9, "manual", "router-7", "operators", None)]
    (incident,) = analyze(windows(END, lost(3), changes=changes), SUMMARY).incidents
    assert (incident.trigger.component, incident.dns.role) == ("router-7", "symptom")
    (refused,) = analyze(windows(END, lost(0), changes=changes), SUMMARY).incidents
    assert refused.trigger.component != "router-7"


def test_the_servers_of_a_name_that_callers_still_know_are_lost_as_their_resolver_tells() -> None:
    """A few look-ups fail, since most callers remember the name; of those that resolvers made all do."""

    def lost() -> Iterator[Row]:
        yield from calm(0, 30)
        for window in range(30, 45):
            yield call(window, "", "shop", attempts=40, errors_server=40)
            yield call(window, "shop", "cart", "cart.example", attempts=40, errors_server=40)
            waited = {"errors_connect": 36, "errors_dns_servfail": 4, "unanswered_ns": 40 * 3 * 10**9}
            yield call(window, "cart", "", "prices.example", attempts=40, **waited)
        yield from calm(45, END)

    def answers(code: str) -> list[Row]:
        told = [("NOERROR", 30.0, 0.0), (code, 0.0, 30.0)]
        rows = [(w, item, bad if 31 <= w < 45 else good) for item, good, bad in told for w in range(END)]
        return [signal(w, "prices.example", "dns_responses", value, item) for w, item, value in rows]

    def told(code: str, changed: float) -> tuple[str, bool]:
        signals = answers(code) if code else []
        changes = [change(changed, "manual", "router-7", "operators", None)]
        (incident,) = analyze(windows(END, lost(), signals, changes), SUMMARY).incidents
        return incident.trigger.component, incident.trigger.confidence >= 0.9

    assert told("SERVFAIL", 29.9) == ("router-7", False)  # a dead host that serves its own zone looks the same
    assert told("SERVFAIL", 22.0) == told("NXDOMAIN", 29.9) == told("", 29.9) == ("prices", False)


def test_a_service_that_only_its_own_counters_tell_of_is_no_way_to_others() -> None:
    def told() -> Iterator[Row]:
        for window in range(END):
            bad = 200 if 30 <= window < 45 else 0
            for name in ("shop", "cart", "store"):
                yield signal(window, name, "requests", 400)
                yield signal(window, name, "errors", bad)
            yield signal(window, "store", "queue_age_s", 9.0 if bad else 0.0)

    (incident,) = analyze(windows(END, signals=told()), SUMMARY).incidents
    assert incident.trigger.kind != "network_congestion"


def counted(failing: int) -> Iterator[Row]:
    """Counters go on while spans are silent, and tell that the prices fail from a window on."""
    for window in range(END):
        bad = 300 if failing <= window < 50 else 0
        for name in ("shop", "cart", "prices"):
            yield signal(window, name, "requests", 400)
            yield signal(window, name, "errors", bad)
        for name, client in (("cart.example", "shop"), ("prices.example", "cart")):
            yield signal(window, name, "client_outcomes", 400 - bad, f"{client}\t200")
            yield signal(window, name, "client_outcomes", bad, f"{client}\t500")


@pytest.mark.parametrize(("restarted", "mended"), [(36, 50), (44, 44)])
def test_what_was_started_anew_before_it_failed_was_not_mended_by_that(restarted: int, mended: int) -> None:
    calls = [*calm(0, 30), *callee_fails(45, 50), *calm(50, END)]
    changes = [change(restarted, "restart", "prices", "operators", None)]
    (incident,) = analyze(windows(END, calls, counted(40), changes), SUMMARY).incidents
    told = incident.trigger
    assert (told.component, told.started_at, told.ended_at) == ("prices", at(40), at(mended))


def test_a_callee_that_is_known_by_its_host_name_alone_is_the_service_that_was_started_anew() -> None:
    calls = [*calm(0, 30), *callee_fails(45, 50), *calm(50, END)]
    unseen = [{**row, "server": ""} if row["server"] == "prices" else row for row in calls]
    counters = [row for row in counted(40) if row["component"] != "prices"]
    changes = [change(44, "restart", "prices", "operators", None)]
    (incident,) = analyze(windows(END, unseen, counters, changes), SUMMARY).incidents
    assert (incident.trigger.component, incident.trigger.ended_at) == ("prices.example", at(44))


def unreached(window: int, lost: int) -> Iterator[Row]:
    """Some connections to the cart time out; it answers the others."""
    yield call(window, "", "shop", attempts=40, errors_server=lost)
    yield call(window, "shop", "cart", "cart.example", attempts=40 - lost)
    if lost:
        waited = {"errors_connect": lost, "unanswered_ns": lost * 3 * 10**9}
        yield call(window, "shop", "", "cart.example", attempts=lost, **waited)


def flapping(start: int) -> list[Row]:
    """The balancer's checks take targets out and put them back from a window on."""
    return [signal(window, "balancer-3", "health_flips", 12 if start <= window < 45 else 0) for window in range(END)]


@pytest.mark.parametrize(
    ("flaps", "named"),
    [
        (flapping(24), ("balancer-3", "health_check_flapping")),
        (flapping(END), ("cart", "network_congestion")),
        (flapping(36), ("cart", "network_congestion")),
    ],
    ids=["it flapped before", "it never flapped", "it flapped because of it"],
)
def test_a_balancer_whose_checks_flap_stands_behind_connections_that_fail(
    flaps: list[Row], named: tuple[str, str]
) -> None:
    calls = [row for window in range(END) for row in unreached(window, 24 if 30 <= window < 45 else 0)]
    (incident,) = analyze(windows(END, calls, flaps), SUMMARY).incidents
    assert (incident.trigger.component, incident.trigger.kind) == named


def test_a_balancer_whose_checks_flap_is_innocent_of_what_a_service_before_it_fails_by_itself() -> None:
    """A few connections to the cart time out as well."""
    calls = [row for window in range(END) for row in unreached(window, 4 if 30 <= window < 45 else 0)]
    calls = [{**row, "errors_server": 30, "errors": 30} if row["entries"] and row["errors"] else row for row in calls]
    (incident,) = analyze(windows(END, calls, flapping(24)), SUMMARY).incidents
    assert incident.trigger.component == "shop"


def restarted(asked: int) -> Iterator[Row]:
    """The cart's instances ask for their state, most of it in vain, and answer nearly no one in time meanwhile."""
    for window in range(END):
        bad = 30 <= window < 45
        late = 6 * (asked if bad else 0) // 10
        yield call(window, "", "shop", attempts=400, errors_deadline=390 * bad)
        yield call(window, "shop", "cart", "cart.example", attempts=400, errors_deadline=390 * bad)
        yield call(window, "cart", "state", "state.example", attempts=asked if bad else 40, errors_deadline=late)


@pytest.mark.parametrize(("asked", "named"), [(200, ("state", "overload")), (40, ("cart", "slow"))])
def test_who_is_slow_because_its_own_herd_drowns_a_callee_is_no_trigger(asked: int, named: tuple[str, str]) -> None:
    (incident,) = analyze(windows(END, restarted(asked)), SUMMARY).incidents
    assert (incident.trigger.component, incident.trigger.kind) == named
    assert [loop.kind for loop in incident.sustaining] == (["restart_herd"] if asked > 40 else [])


@pytest.mark.parametrize("kind", ["refused", "late"])
def test_a_balancer_that_nothing_ties_to_a_callee_neither_kills_it_nor_makes_it_slow(kind: str) -> None:
    """Its own name would: a balancer is called after what it balances."""
    vain = {"errors_connect": 24} if kind == "refused" else {"errors_deadline": 24, "unanswered_ns": 24 * 5 * 10**9}
    none = {"errors_connect": 0, "errors_deadline": 0, "unanswered_ns": 0}
    calls = [row for window in range(END) for row in unreached(window, 24 if 30 <= window < 45 else 0)]
    calls = [{**row, **none, **vain} if row["errors_connect"] else row for row in calls]

    def told(balancer: str) -> tuple[str, list[str]]:
        flaps = [{**row, "component": balancer} for row in flapping(24)]
        (incident,) = analyze(windows(END, calls, flaps), SUMMARY).incidents
        return incident.trigger.component, [loop.kind for loop in incident.sustaining]

    assert told("users") == ("cart", [])
    assert told("k8s-cart-3f2a") == ("k8s-cart-3f2a", [])


def test_a_balancer_is_surely_the_cause_only_if_something_ties_it_to_what_is_lost() -> None:
    calls = [row for window in range(END) for row in unreached(window, 24 if 30 <= window < 45 else 0)]
    sure = []
    for balancer in ("balancer-3", "cart-lb"):
        flaps = [{**row, "component": balancer} for row in flapping(24)]
        (incident,) = analyze(windows(END, calls, flaps), SUMMARY).incidents
        sure.append((incident.verdict, incident.trigger.confidence >= 0.8))
    assert sure == [("cascade", False), ("cascade", True)]


def test_calls_that_are_lost_ever_more_are_a_flapping_balancers_unless_somebody_wrote_their_record() -> None:
    lost = [min(4 + 2 * (window - 30), 24) if 30 <= window < 45 else 0 for window in range(END)]
    calls = [row for window in range(END) for row in unreached(window, lost[window])]

    def told(*changes: Row) -> str:
        (incident,) = analyze(windows(END, calls, flapping(18), changes), SUMMARY).incidents
        return incident.trigger.kind

    assert told() == "health_check_flapping"
    assert told(change(29.5, "record.upsert", "cart.example", "operators", 1, Answers=1)) == "dns.stale_record"


def test_a_balancer_that_flapped_before_the_trigger_is_no_loop_that_it_set_off() -> None:
    calls = [*calm(0, 30), *callee_fails(30, 45), *calm(45, END)]
    (incident,) = analyze(windows(END, calls, flapping(22)), SUMMARY).incidents
    assert (incident.trigger.component, incident.sustaining) == ("prices", ())


def drowned(hits: int, asked: int = 80, failure: str = "deadline") -> tuple[list[Row], list[Row]]:
    """The store answers too late from a window on; the cache before it has so many hits in a thousand look-ups.

    asked: of the store, a window, since then.
    """
    calls, counters = [], []
    for window in range(END):
        bad = 30 <= window < 45
        late: dict[str, Any] = {f"errors_{failure}": 30 * bad}
        calls.append(call(window, "", "shop", attempts=40, **late))
        calls.append(call(window, "shop", "store", "store.example", attempts=asked if bad else 40, **late))
        counters.append(signal(window, "cache", "cache_hits", hits if bad else 900))
        counters.append(signal(window, "cache", "cache_misses", 1000 - hits if bad else 100))
    return calls, counters


@pytest.mark.parametrize(("hits", "named"), [(100, ("cache", "cache_loss")), (900, ("store", "slow"))])
def test_a_cache_that_was_lost_stands_behind_a_store_that_drowns(hits: int, named: tuple[str, str]) -> None:
    calls, counters = drowned(hits, asked=80 if hits == 100 else 40)
    (incident,) = analyze(windows(END, calls, counters), SUMMARY).incidents
    assert (incident.trigger.component, incident.trigger.kind) == named


@pytest.mark.parametrize("failure", ["deadline", "server"])
def test_a_cache_drowns_nothing_that_is_asked_for_no_more_than_before(failure: str) -> None:
    calls, counters = drowned(100, asked=40, failure=failure)
    (incident,) = analyze(windows(END, calls, counters), SUMMARY).incidents
    assert (incident.trigger.component, incident.sustaining) == ("store", ())


def test_a_cache_that_its_callers_ask_as_well_drowns_a_slow_store() -> None:
    calls, counters = drowned(100, asked=40)
    calls += [call(window, "shop", "cache", "cache.example", attempts=40) for window in range(END)]
    (incident,) = analyze(windows(END, calls, counters), SUMMARY).incidents
    assert incident.trigger.component == "cache"


def test_a_cache_that_misses_so_every_now_and_then_drowns_nobody() -> None:
    calls, counters = drowned(100)
    before = {"cache_hits": 100, "cache_misses": 900}
    dips = [{**row, "value": before[row["concept"]]} if at(15) <= row["window"] < at(19) else row for row in counters]
    (incident,) = analyze(windows(END, calls, dips), SUMMARY).incidents
    assert (incident.trigger.component, incident.sustaining) == ("store", ())
