"""Calls as partials that add up, told from spans with all their gaps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from epicenter.collector.failures import classify
from epicenter.collector.model import CALL_COUNTS, CALLS, ERROR_CLASSES, LATENCY_COLUMNS, LOGS, SPANS
from epicenter.collector.windows import choose_window, edge_calls, merge_calls

T0 = 1_760_940_000 * 10**9
MS = 10**6
Span = dict[str, Any]


def span(trace: str, ident: str, parent: str, service: str, kind: str, **rest: Any) -> Span:
    row: Span = {"TraceId": trace, "SpanId": ident, "ParentSpanId": parent, "ServiceName": service, "SpanKind": kind}
    row |= {"Timestamp": T0, "Duration": 10 * MS, "SpanName": "call", "StatusCode": "Unset", "StatusMessage": ""}
    row |= {"ResourceAttributes": [], "SpanAttributes": [], "Events": []}
    return row | rest


def counted(spans: Sequence[Span], window_s: int = 10) -> pa.Table:
    with duckdb.connect() as connection:
        columns = {name: [row[name] for row in spans] for name in SPANS.names}
        connection.register("spans", pa.table(columns, schema=SPANS))
        connection.register("logs", LOGS.empty_table())
        return edge_calls(connection, window_s)


def rows(spans: Sequence[Span]) -> list[dict[str, Any]]:
    return counted(spans).to_pylist()


def peer(name: str) -> list[tuple[str, str]]:
    return [("server.address", name)]


IDS = st.sampled_from(["1", "2", "3", "4", "5"])
SPAN = st.builds(
    span,
    trace=st.just(""),
    ident=IDS,
    parent=st.one_of(st.just(""), IDS, st.just("missing")),
    service=st.sampled_from(["a", "b", "c"]),
    kind=st.sampled_from(["", "Client", "Server", "Internal", "Producer", "Consumer"]),
    Timestamp=st.integers(0, 40_000).map(lambda ms: T0 + ms * MS),
    Duration=st.integers(0, 10**10),
    SpanName=st.sampled_from(["x", "y", "dns.lookup"]),
    StatusCode=st.sampled_from(["Unset", "Error", ""]),
    StatusMessage=st.sampled_from(["", "boom", "[Errno -5] No address associated with hostname", "timed out"]),
    SpanAttributes=st.sampled_from([[], peer("b.example"), peer("c.example"), [("http.response.status_code", "503")]]),
)
TRACES = st.lists(st.lists(SPAN, min_size=1, max_size=7), min_size=1, max_size=6)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(traces=TRACES, data=st.data())
def test_parts_of_any_split_by_trace_merged_in_any_order_equal_the_whole(
    traces: list[list[Span]], data: st.DataObject
) -> None:
    whole = [row | {"TraceId": f"{number:032x}"} for number, trace in enumerate(traces) for row in trace]
    places = [data.draw(st.integers(0, 2)) for _ in traces]
    parts = [counted([row for row in whole if places[int(row["TraceId"], 16)] == part]) for part in sorted(set(places))]
    assert merge_calls(data.draw(st.permutations(parts))).equals(counted(whole))


@settings(max_examples=25, deadline=None)
@given(trace=st.lists(SPAN, min_size=1, max_size=7))
def test_classes_add_up_to_errors_and_nothing_is_negative(trace: list[Span]) -> None:
    for row in rows(trace):
        assert sum(row[f"errors_{name}"] for name in ERROR_CLASSES) == row["errors"] <= row["attempts"]
        assert row["originals"] <= row["attempts"]
        assert row["answered"] + row["unanswered"] == row["attempts"]
        assert min(row[name] for name in CALL_COUNTS) >= 0


def test_nothing_merged_is_an_empty_table_of_the_schema() -> None:
    assert merge_calls([]).schema == CALLS


def test_uncovered_time_is_booked_on_the_edge_to_the_callee_whatever_the_clocks_say() -> None:
    client = span("t", "1", "0", "shop", "Client", Duration=50 * MS, SpanAttributes=peer("Pay.example:443"))
    server = span("t", "2", "1", "pay", "Server", Duration=20 * MS, Timestamp=T0 - 3_600 * 10**9)
    (row,) = rows([client, server])
    assert (row["client"], row["server"], row["peer"]) == ("shop", "pay", "pay.example")
    assert (row["attempts"], row["answered"], row["uncovered_ns"]) == (1, 1, 30 * MS)
    assert row["window"] == T0 // 10**9
    assert sum(row[name] for name in LATENCY_COLUMNS) == 1


def test_a_client_span_that_caused_nothing_reached_nobody() -> None:
    words = "[Errno -5] No address associated with hostname"
    lost = span(
        "t", "1", "", "shop", "Client", StatusCode="Error", StatusMessage=words, SpanAttributes=peer("pay.example")
    )
    (row,) = rows([lost])
    assert (row["server"], row["unanswered"], row["errors_dns_nodata"], row["error_trace"]) == ("", 1, 1, "t")


def test_a_dns_word_that_an_answer_quotes_is_the_servers_error() -> None:
    client = span("t", "1", "0", "web", "Client", StatusCode="Error", StatusMessage="500: ENOTFOUND pricing")
    server = span("t", "2", "1", "shop", "Server", StatusCode="Error")
    (row,) = rows([client, server])
    assert (row["errors"], row["errors_server"], row["errors_dns_unspecified"]) == (1, 1, 0)


def test_a_sibling_after_a_failed_one_is_a_retry_and_a_fan_out_is_not() -> None:
    def sibling(ident: str, at_ms: int, status: str) -> Span:
        start = T0 + at_ms * MS
        return span(
            "t", ident, "0", "shop", "Client", Timestamp=start, StatusCode=status, SpanAttributes=peer("pay.example")
        )

    retried = rows([sibling("1", 0, "Error"), sibling("2", 20, "Error"), sibling("3", 40, "Unset")])
    fanned = rows([sibling("1", 0, "Unset"), sibling("2", 20, "Unset"), sibling("3", 40, "Unset")])
    assert sum(row["originals"] for row in retried) == 1
    assert sum(row["attempts"] for row in retried) == 3
    assert sum(row["originals"] for row in fanned) == 3


def test_a_span_that_was_recorded_twice_counts_once() -> None:
    root = span("t", "1", "", "shop", "Server")
    (row,) = rows([root, dict(root)])
    assert (row["attempts"], row["entries"]) == (1, 1)


def test_without_kinds_the_parent_in_another_service_is_the_client() -> None:
    spans = [
        span("t", "1", "", "front", ""),
        span("t", "2", "1", "front", "", Duration=9 * MS),
        span("t", "3", "2", "cart", "", Duration=4 * MS),
    ]
    found = {(row["client"], row["server"]): row for row in rows(spans)}
    assert set(found) == {("", "front"), ("front", "cart")}
    assert found["front", "cart"]["uncovered_ns"] == 5 * MS


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ("Failed to resolve 'h' ([Errno -5] No address associated with hostname)", "dns_nodata"),
        ("ClientConnectorDNSError [DNS server returned answer with no data]", "dns_nodata"),
        ("getaddrinfo ENODATA h", "dns_nodata"),
        ("[Errno -2] Name or service not known", "dns_nxdomain"),
        ("errors resolving h:443: Domain name not found", "dns_nxdomain"),
        ("errors resolving h:443: DNS server returned general failure", "dns_servfail"),
        ("DNS server refused query", "dns_refused"),
        ("lookup h on 10.0.0.2:53: read udp: i/o timeout", "dns_timeout"),
        ("Timeout while contacting DNS servers", "dns_timeout"),
        ("getaddrinfo ENOTFOUND pricing.example", "dns_unspecified"),
        ("dial tcp: lookup h on 10.0.0.2:53: no such host", "dns_unspecified"),
        ("[Errno -3] Temporary failure in name resolution", "dns_unspecified"),
        ("java.net.UnknownHostException: h", "dns_unspecified"),
        ("curl: (6) Could not resolve host: h", "dns_unspecified"),
        ('Could not connect to the endpoint URL: "https://h/"', "connect"),
        ("connect ECONNREFUSED 127.0.0.1:80", "connect"),
        ("HTTPConnectionPool(host='h', port=80): Read timed out. (read timeout=1)", "deadline"),
        ("rpc error: code = DeadlineExceeded desc = context deadline exceeded", "deadline"),
        ("the index does not exist", ""),
    ],
)
def test_words_of_real_clients_tell_how_a_call_failed(words: str, kind: str) -> None:
    assert classify(words) == kind


@pytest.mark.parametrize(("hours", "window_s"), [(0.1, 10), (2, 10), (4, 30), (15.5, 60), (48, 300)])
def test_windows_are_as_short_as_a_thousand_of_them_allow(hours: float, window_s: int) -> None:
    assert choose_window(0, hours * 3600) == window_s
