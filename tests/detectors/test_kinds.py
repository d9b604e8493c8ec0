"""What kind of fault a blamed node has."""

from __future__ import annotations

import pytest

from epicenter.detectors.blame import blame
from epicenter.detectors.dns_answers import dns_answers
from epicenter.detectors.failure_spikes import failure_spikes
from epicenter.detectors.graph import dependency_graph
from epicenter.detectors.kinds import dns_failure, kind_of
from tests.detectors.frames import Row, at, call, change, signal, windows
from tests.detectors.stories import NAME, callee_fails, calm, name_gone, process_gone

BAD, END = 20, 30


@pytest.mark.parametrize(("asked", "kind"), [(200, "overload"), (40, "unknown")])
@pytest.mark.parametrize("spans", [False, True])
def test_who_is_asked_for_much_more_is_overloaded_whoever_tells_of_it(asked: int, kind: str, spans: bool) -> None:
    """The shop's spans never tell of the store; only counters do, or spans too of the same requests without repeats."""
    rows = [call(w, "", "shop") for w in range(END)]
    for w in range(END):
        counts = (asked, asked // 2) if w >= BAD else (40, 0)
        rows.append(call(w, "desk", "store", "store.example", counts[0], errors_server=counts[1], example_trace=""))
        if spans:
            rows.append(call(w, "shop", "store", "store.example", 40))
    seen = windows(END, rows)
    (store,) = blame(seen, dependency_graph(seen), (at(0), at(BAD)), (at(BAD), at(END)))
    told = kind_of(seen, store, "", [], (at(BAD), at(END)))
    assert (store.component, told) == ("store", "unknown" if spans else kind)


@pytest.mark.parametrize(
    ("waited_s", "probed", "failure", "kind"),
    [
        (0.002, False, "servfail", "dns.servfail"),
        (5.0, False, "timeout", "dns.resolver_down"),
        (0.0, False, "temporary", "dns.servfail"),
        (0.0, True, "timeout", "dns.resolver_down"),
    ],
    ids=["at once", "after the resolver's wait", "nobody measured how long", "a probe got no reply"],
)
def test_a_temporary_failure_is_a_server_that_fails_or_one_that_is_silent(
    waited_s: float, probed: bool, failure: str, kind: str
) -> None:
    gone = name_gone(BAD, END, "dns_temporary")
    rows = [
        {**row, "unanswered_ns": int(waited_s * 1e9) * row["unanswered"]} if row["errors_dns_temporary"] else row
        for row in (*calm(0, BAD), *gone)
    ]
    probes = [signal(w, NAME, "dns_answers", float(w < BAD)) for w in range(END if probed else 0)]
    probes += [signal(w, NAME, "dns_probe_ok", float(w < BAD)) for w in range(END if probed else 0)]
    seen = windows(END, rows, probes)
    (name,) = blame(seen, dependency_graph(seen), (at(0), at(BAD)), (at(BAD), at(END)))
    told = dns_failure(seen, name, findings := dns_answers(seen), (at(BAD), at(END)))
    assert (name.component, told) == (NAME, failure)
    assert kind_of(seen, name, told, findings, (at(BAD), at(END))) == kind


@pytest.mark.parametrize(
    ("written", "beside", "failure"),
    [
        ([], None, ""),
        ([(BAD, None)], None, "stale"),
        ([(0, 1), (BAD, 1)], None, "stale"),
        ([(w, 1) for w in range(0, BAD + 1, 5)], None, ""),
        ([(5, 1)], None, ""),
        ([(0, 3), (BAD + 0.5, 2)], None, ""),
        ([(BAD, None)], "deploy", ""),
        ([(BAD, None)], "restart", ""),
    ],
    ids=[
        "never",
        "just then",
        "told at first, and just then",
        "all the time",
        "long before",
        "an address taken away because of it",
        "with a release",
        "with a restart",
    ],
)
def test_connections_are_refused_at_a_stale_address_where_the_record_was_just_written(
    written: list[tuple[float, int | None]], beside: str | None, failure: str
) -> None:
    rows = [*calm(0, BAD), *process_gone(BAD, END)]
    changes = [change(w, "record.upsert", "cart.example", "zone", None, Answers=answers) for w, answers in written]
    changes += [change(BAD, beside, "cart", "ci", None)] if beside else []
    seen = windows(END, rows, changes=changes)
    (cart,) = blame(seen, dependency_graph(seen), (at(0), at(BAD)), (at(BAD), at(END)))
    assert (cart.component, dns_failure(seen, cart, [], (at(BAD), at(END)))) == ("cart", failure)


@pytest.mark.parametrize(
    ("waited_s", "refused", "kind"),
    [(0.002, 0, "crash"), (4.0, 40, "crash"), (4.0, 10, "network_congestion"), (4.0, 0, "network_congestion")],
    ids=["at once", "after the client's own repeats", "a few of many", "nobody says so"],
)
def test_who_says_that_nobody_listened_was_refused_however_long_that_took(
    waited_s: float, refused: int, kind: str
) -> None:
    waited_ns = int(40 * waited_s * 1e9)
    gone = [{**row, "refused": refused, "unanswered_ns": waited_ns} for row in process_gone(BAD, END) if row["peer"]]
    seen = windows(END, [*calm(0, BAD), *(row for row in process_gone(BAD, END) if not row["peer"]), *gone])
    (cart,) = blame(seen, dependency_graph(seen), (at(0), at(BAD)), (at(BAD), at(END)))
    assert (cart.component, kind_of(seen, cart, "", [], (at(BAD), at(END)))) == ("cart", kind)


def test_one_client_says_that_it_was_refused_and_another_shows_it() -> None:
    """The shop says so after its own repeats; the desk has no word for it, and could not connect at once."""
    slow = {"errors_connect": 40, "refused": 40, "unanswered_ns": 40 * 4 * 10**9}
    quick = {"errors_connect": 100, "unanswered_ns": 100 * 2_000_000}
    rows = [*calm(0, BAD), *(call(w, "desk", "cart", "cart.example", 100) for w in range(BAD))]
    for w in range(BAD, END):
        rows += [call(w, "", "shop", errors_server=40), call(w, "shop", "", "cart.example", 40, **slow)]
        rows += [call(w, "desk", "", "cart.example", 100, **quick)]
    seen = windows(END, rows)
    blamed = blame(seen, dependency_graph(seen), (at(0), at(BAD)), (at(BAD), at(END)))
    assert (blamed[0].component, kind_of(seen, blamed[0], "", [], (at(BAD), at(END)))) == ("cart", "crash")


READ, WRITE = "read.store.example", "write.store.example"


def late(names: dict[str, bool], server: str) -> list[Row]:
    """Calls of the shop to the store by its names, some of which time runs out by: axios has one time-out for all."""
    lost = {"errors_deadline": 20, "unanswered_ns": 20 * 1_500_000_000, "client_ns": 20 * 1_500_000_000}
    rows = [call(w, "", "shop", errors_server=10 * (w >= BAD), example_trace="") for w in range(END)]
    for name, well in names.items():
        rows += [call(w, "shop", "store", name) for w in range(END if well else BAD)]
        rows += [call(w, "shop", server, name, **lost) for w in range(BAD, END) if not well]
    return rows


def failure_of(names: dict[str, bool], target: str, kind: str = "", server: str = "") -> str:
    """Of the store, whose record `target` was written as time began to run out; kind: of another change of it."""
    changes = [change(BAD, "record.upsert", target, "zone", None, Answers=1)]
    changes += [change(BAD - 1, kind, "store", "ci", None)] if kind else []
    rows = late(names, server)
    if target == "old.example":  # is called no more, on purpose
        rows += [call(w, "shop", "store", target) for w in range(BAD)]
    seen = windows(END, rows, changes=changes)
    store, *_ = blame(seen, dependency_graph(seen), (at(0), at(BAD)), (at(BAD), at(END)))
    assert store.component == "store"
    return dns_failure(seen, store, [], (at(BAD), at(END)))


@pytest.mark.parametrize(
    ("target", "server", "failure"),
    [(WRITE, "", "stale"), (READ, "", ""), ("elsewhere.example", "", ""), (WRITE, "store", "")],
    ids=["nobody answers", "another name was written", "not its name", "it answers, but late"],
)
def test_time_runs_out_at_a_stale_address_where_the_record_was_just_written(
    target: str, server: str, failure: str
) -> None:
    assert failure_of({READ: True, WRITE: False}, target, server=server) == failure


@pytest.mark.parametrize(
    ("names", "target", "kind"),
    [
        ({WRITE: False}, WRITE, ""),
        ({READ: False, WRITE: False}, WRITE, ""),
        ({READ: True, WRITE: False}, WRITE, "deploy"),
        ({READ: True, WRITE: False}, WRITE, "restart"),
        ({READ: True, WRITE: False}, "old.example", ""),
    ],
    ids=["its only name", "it hangs for all", "released", "started anew", "a name that nobody calls any more"],
)
def test_who_hangs_as_its_record_is_written_is_not_stale(names: dict[str, bool], target: str, kind: str) -> None:
    """Discovery services write the record of whatever is released or started anew, and write it again as it was."""
    assert failure_of(names, target, kind) == ""


@pytest.mark.parametrize(("again", "kind"), [(True, "slow"), (False, "overload")])
def test_who_is_asked_more_because_somebody_far_above_asks_again_is_slow_and_not_overloaded(
    again: bool, kind: str
) -> None:
    """The door asks the page a second time; the page's own calls to the store are all first ones."""
    rows: list[Row] = []
    for w in range(END):
        tries = 40 if w >= BAD else 20
        late = {"errors_deadline": tries, "unanswered_ns": tries * 10**9} if w >= BAD else {}
        rows += [
            call(w, "", "door", "", 20 if again else tries),
            call(w, "door", "page", "page.example", tries, originals=20 if again else tries),
            call(w, "page", "" if w >= BAD else "store", "store.example", tries, **late),
        ]
    seen = windows(END, rows)
    (store,) = blame(seen, dependency_graph(seen), (at(0), at(BAD)), (at(BAD), at(END)))
    assert (store.component, kind_of(seen, store, "", [], (at(BAD), at(END)))) == ("store", kind)


@pytest.mark.parametrize(("released", "kind"), [(24.9, "bad_release"), (14.0, "unknown"), (26.5, "unknown")])
def test_a_release_counts_as_its_service_began_to_fail_whatever_failed_before(released: float, kind: str) -> None:
    rows = [*calm(0, 24), *callee_fails(25, END + 10)]
    seen = windows(END + 10, rows, changes=[change(released, "deploy", "prices", "ci", 2)])
    during = (at(15), at(END))
    (prices,) = blame(seen, dependency_graph(seen), (at(0), at(15)), during)
    failing = [f for f in failure_spikes(seen) if f.component == "prices"]
    assert kind_of(seen, prices, "", failing, during) == kind


def test_a_release_that_mends_is_no_bad_one() -> None:
    """A few calls to the prices fail before anybody rolls back, and half of them after it."""
    rows = [*calm(0, 15)]
    rows += [call(w, "cart", "prices", NAME, attempts=40, errors_server=1) for w in range(15, 25)]
    rows += [*callee_fails(25, END + 10)]
    seen = windows(END + 10, rows, changes=[change(24.9, "deploy", "prices", "ci", 2)])
    during = (at(15), at(END))
    (prices,) = blame(seen, dependency_graph(seen), (at(0), at(15)), during)
    failing = [f for f in failure_spikes(seen) if f.component == "prices"]
    assert kind_of(seen, prices, "", failing, during) == "unknown"
