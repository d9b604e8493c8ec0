"""Which writes of a record may be why calls by its name fail."""

from __future__ import annotations

import pytest

from epicenter.collector.model import Windows
from epicenter.detectors.blame import blame
from epicenter.detectors.dns_answers import dns_answers
from epicenter.detectors.graph import dependency_graph
from epicenter.detectors.kinds import dns_failure
from tests.detectors.frames import Row, at, call, change, gauge, windows
from tests.detectors.stories import calm

BAD = 20
HOST = "cart.example"


def lost(first: int = 40, waited_s: float = 2.0, bad: int = BAD, later: int = 40) -> list[Row]:
    """The shop's calls to the cart are lost, so many of 40 in the first window."""
    rows = [*calm(0, bad)]
    for w in range(bad, bad + 10):
        gone = first if w == bad else later
        rows += [call(w, "", "shop", attempts=40, errors_server=gone)]
        rows += [call(w, "shop", "", HOST, gone, errors_connect=gone, unanswered_ns=int(gone * waited_s * 1e9))]
        rows += [call(w, "shop", "cart", HOST, 40 - gone)] if gone < 40 else []
    return rows


def failure_of_cart(seen: Windows, bad: int = BAD) -> str:
    stretches = (at(0), at(bad)), (at(bad), at(bad + 10))
    cart = next(b for b in blame(seen, dependency_graph(seen), *stretches) if b.component == "cart")
    return dns_failure(seen, cart, dns_answers(seen), stretches[1])


def write(at_window: float, actor: str = "zone", generation: int | None = None, kind: str = "record.upsert") -> Row:
    return change(at_window, kind, HOST, actor, generation, Answers=1)


def test_a_drained_host_that_refuses_does_so_after_its_clients_repeats_too() -> None:
    rows = [{**row, "refused": row["errors_connect"]} for row in lost()]
    for changes, failure in (
        ([write(BAD - 4)], "stale"),
        ([write(BAD - 0.5, "alice", kind="manual")], "stale"),
        ([], ""),
    ):
        assert failure_of_cart(windows(30, rows, changes=changes)) == failure


@pytest.mark.parametrize("waited_s", [0.0, 2.0], ids=["refused", "timed out"])
@pytest.mark.parametrize(
    ("first", "written", "failure"),
    [(40, 0.9, ""), (40, 0.1, "stale"), (4, 0.85, "stale"), (40, -0.5, "stale")],
    ids=["after all were lost", "within what clocks differ by", "as the window was almost over", "before"],
)
def test_a_record_that_is_written_once_all_calls_are_lost_is_not_why(
    waited_s: float, first: int, written: float, failure: str
) -> None:
    """A database fails at the beginning of a window; 27 s later its fail-over points the name at the other one."""
    assert failure_of_cart(windows(30, lost(first, waited_s), changes=[write(BAD + written)])) == failure


def test_a_few_calls_lost_before_the_write_do_not_clear_it() -> None:
    """Four stray calls in the window of the write, and forty in each of the next."""
    assert failure_of_cart(windows(30, lost(4), changes=[write(BAD + 0.99)])) == "stale"


@pytest.mark.parametrize("waited_s", [0.0, 2.0], ids=["refused", "timed out"])
@pytest.mark.parametrize("target", [HOST, "cart"], ids=["the name", "the service"])
def test_a_record_that_is_written_since_something_failed_over_is_not_why(waited_s: float, target: str) -> None:
    changes = [change(BAD - 0.4, "failover", target, "watchdog", None), write(BAD - 0.2)]
    assert failure_of_cart(windows(30, lost(waited_s=waited_s), changes=changes)) == ""


@pytest.mark.parametrize(
    ("beside", "failure"),
    [
        ([], ""),
        ([write(BAD - 0.5, "alice", kind="manual")], "stale"),
        ([write(BAD - 0.5, "alice")], "stale"),
        ([write(BAD - 0.5, "external-dns", 3)], "stale"),
    ],
    ids=["nothing else", "somebody by hand", "another writer", "an older plan"],
)
def test_a_record_that_is_written_every_minute_is_not_why_unless_one_write_differs(
    beside: list[Row], failure: str
) -> None:
    changes = [*(write(w + 0.3, "external-dns", w) for w in range(0, 30, 2)), *beside]
    assert failure_of_cart(windows(30, lost(), changes=changes)) == failure


def test_a_record_that_is_written_now_and_then_may_be_why() -> None:
    bad = 400
    changes = [write(w) for w in (50, 130, bad)]
    assert failure_of_cart(windows(bad + 10, lost(waited_s=0.0, bad=bad), changes=changes), bad) == "stale"


@pytest.mark.parametrize(
    ("answers", "failure"),
    [([], "stale"), ([3.0] * 30, ""), ([3.0] * BAD + [2.0] * 10, "stale"), ([3.0, 2.0] * 15, "")],
    ids=["no probe", "as ever", "fewer", "now two and now three, as ever"],
)
def test_calls_that_are_lost_ever_more_are_not_stale_where_a_probe_sees_the_record_as_ever(
    answers: list[float], failure: str
) -> None:
    rows = lost(4, later=4)
    rows += [
        call(w, "shop", "", HOST, 2 * (w - BAD), errors_connect=2 * (w - BAD), unanswered_ns=(w - BAD) * 4 * 10**9)
        for w in range(BAD + 1, BAD + 10)
    ]
    assert failure_of_cart(windows(30, rows, gauge(HOST, "dns_answers", answers, "A"))) == failure


def test_a_probe_of_one_name_does_not_clear_another() -> None:
    rows = lost(4, later=4)
    for w in range(30):
        gone = max(0, 2 * (w - BAD))
        rows += [call(w, "desk", "cart", "cart.internal", 40)]
        rows += [call(w, "desk", "", "cart.internal", gone, errors_connect=gone, unanswered_ns=gone * 2 * 10**9)]
    assert failure_of_cart(windows(30, rows, gauge(HOST, "dns_answers", [3.0] * 30, "A"))) == "stale"


def test_counters_do_not_tell_in_which_window_the_first_calls_were_lost() -> None:
    rows = [{**row, "example_trace": "", "error_trace": ""} for row in lost()]
    assert failure_of_cart(windows(30, rows, changes=[write(BAD + 0.9)])) == "stale"
