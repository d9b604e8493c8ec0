"""What kind of fault a blamed node has."""

from __future__ import annotations

import pytest

from epicenter.detectors.blame import blame
from epicenter.detectors.dns_answers import dns_answers
from epicenter.detectors.graph import dependency_graph
from epicenter.detectors.kinds import dns_failure, kind_of
from tests.detectors.frames import at, call, change, signal, windows
from tests.detectors.stories import NAME, calm, name_gone, process_gone

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
    ("written", "failure"),
    [
        ([], ""),
        ([BAD], "stale"),
        ([0, BAD], "stale"),
        ([*range(0, BAD + 1, 5)], ""),
        ([5], ""),
        ([BAD + 5], ""),
    ],
    ids=["never", "just then", "told at first, and just then", "all the time", "long before", "because of it"],
)
def test_connections_are_refused_at_a_stale_address_where_the_record_was_just_written(
    written: list[int], failure: str
) -> None:
    rows = [*calm(0, BAD), *process_gone(BAD, END)]
    seen = windows(END, rows, changes=[change(w, "record.upsert", "cart.example", "zone", None) for w in written])
    (cart,) = blame(seen, dependency_graph(seen), (at(0), at(BAD)), (at(BAD), at(END)))
    assert (cart.component, dns_failure(seen, cart, [], (at(BAD), at(END)))) == ("cart", failure)
