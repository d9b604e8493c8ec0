"""What counts as a call, told by small traces; durations in the rows are ns, in the traces ms."""

from __future__ import annotations

from typing import Any

import pytest

from epicenter.collector.model import CALLS
from epicenter.collector.windows import choose_window, edge_calls, merge_calls, observe
from tests.collector.told import T0, calls, only, part, server, shown, span, telemetry

MS = 1_000_000


# --- the two sides of a call


def test_a_call_is_paired_by_parent_and_not_by_clocks() -> None:
    row = only(span("c", ms=50, server_address="stock.lan"), server("s", "c", ms=10, at=-3600))
    assert part(row, "window", "client", "server", "peer") == {
        "window": T0,
        "client": "shop",
        "server": "stock",
        "peer": "stock.lan",
    }
    assert part(row, "attempts", "originals", "answered", "unanswered", "entries") == {
        "attempts": 1,
        "originals": 1,
        "answered": 1,
        "unanswered": 0,
        "entries": 1,
    }
    expected = {"client_ns": 50 * MS, "server_ns": 10 * MS, "uncovered_ns": 40 * MS, "latency_05": 1}
    assert part(row, *expected) == expected


def test_a_server_that_outlasts_its_client_leaves_no_negative_time() -> None:
    row = only(span("c", ms=5), server("s", "c", ms=80))
    assert part(row, "client_ns", "server_ns", "uncovered_ns") == {
        "client_ns": 5 * MS,
        "server_ns": 80 * MS,
        "uncovered_ns": 0,
    }


def test_a_client_span_that_reached_nobody_is_unanswered() -> None:
    row = only(span("c", ms=7, server_address="cache.lan"))
    assert "server" not in row
    assert part(row, "attempts", "answered", "unanswered", "unanswered_ns") == {
        "attempts": 1,
        "answered": 0,
        "unanswered": 1,
        "unanswered_ns": 7 * MS,
    }


def test_a_server_span_below_the_callers_own_work_is_a_call_of_unknown_client_time() -> None:
    row = only(server("root", service="shop", ms=90), server("s", "root", ms=10))
    assert part(row, "client", "server", "client_ns", "server_ns", "uncovered_ns") == {
        "client": "shop",
        "server": "stock",
        "client_ns": 0,
        "server_ns": 10 * MS,
        "uncovered_ns": 0,
    }


def test_server_spans_inside_one_service_are_no_call() -> None:
    (row,) = calls(server("asgi", ms=20), server("wsgi", "asgi", ms=15))
    assert part(row, "attempts", "entries", "server_ns") == {"attempts": 1, "entries": 1, "server_ns": 20 * MS}


def test_a_service_without_a_server_span_is_reached_through_its_own_spans() -> None:
    rows = calls(span("c", ms=30), span("inner", "c", service="gateway", ms=20), server("s", "inner", ms=10))
    edges = {(row["client"], row["server"]) for row in rows}
    assert edges == {("shop", "gateway"), ("gateway", "stock")}


def test_several_server_spans_of_one_service_are_attempts_inside_one_client_span() -> None:
    row = only(
        span("c", ms=100),
        server("s1", "c", ms=10, status="Error"),
        server("s2", "c", ms=20, status="Error"),
        server("s3", "c", ms=30),
    )
    expected = {"attempts": 3, "originals": 1, "answered": 3, "errors": 2, "errors_server": 2}
    assert part(row, *expected) == expected
    times = {"client_ns": 100 * MS, "server_ns": 60 * MS, "uncovered_ns": 40 * MS}
    assert part(row, *times) == times


def test_a_message_that_two_services_consume_is_a_call_to_each() -> None:
    rows = calls(
        span("p", kind="Producer"),
        span("a", "p", kind="Consumer", service="mail"),
        span("b", "p", kind="Consumer", service="audit"),
    )
    assert {(row["client"], row["server"], row["attempts"], row["originals"]) for row in rows} == {
        ("shop", "mail", 1, 1),
        ("shop", "audit", 1, 1),
    }


def test_to_send_a_message_is_a_call_to_the_broker_and_to_read_it_another() -> None:
    rows = calls(
        span("p", kind="Producer", ms=2, server_address="mq.lan"), span("a", "p", kind="Consumer", service="mail")
    )
    assert [part(row, "client", "server", "peer", "answered", "entries") for row in rows] == [
        {"client": "shop", "server": 0, "peer": "mq.lan", "answered": 0, "entries": 1},
        {"client": "shop", "server": "mail", "peer": 0, "answered": 1, "entries": 0},
    ]


# --- where users come in


@pytest.mark.parametrize(
    ("lone", "entries"),
    [
        (server("s"), 1),
        (server("s", "lost"), 0),
        (span("s", kind="Consumer", service="stock"), 0),
    ],
    ids=["root", "its client span was lost", "taken from a queue"],
)
def test_only_server_spans_that_nobody_called_are_entries(lone: dict[str, Any], entries: int) -> None:
    (row,) = calls(lone)
    assert "client" not in row
    assert part(row, "attempts", "answered", "entries") == {"attempts": 1, "answered": 1, "entries": entries}


def test_a_load_generators_first_calls_are_entries_and_a_workers_are_not() -> None:
    generated = only(span("c", service="load"), server("s", "c"))
    worked = only(span("job", kind="Internal", service="worker"), span("c", "job", service="worker"), server("s", "c"))
    assert generated["entries"] == 1
    assert "entries" not in worked


# --- copies of a span


def test_spans_recorded_twice_count_once() -> None:
    trace = [span("c", ms=50), server("s", "c"), server("root", service="front"), span("u", "root", service="front")]
    assert calls(*trace, *trace) == calls(*trace)


def test_of_copies_of_a_span_the_longest_counts() -> None:
    assert only(span("c", ms=1), span("c", ms=50))["client_ns"] == 50 * MS


# --- whom a client addressed


@pytest.mark.parametrize(
    ("attributes", "peer"),
    [
        ({"server_address": "DB.lan"}, "db.lan"),
        ({"net_peer_name": "db.lan:8080"}, "db.lan"),
        ({"server_address": "db.lan."}, "db.lan"),
        ({"server_address": "::1"}, "::1"),
        ({"http_host": "[::1]:80"}, "::1"),
        ({"url_full": "https://user:secret@db.lan:443/items?q=a:b"}, "db.lan"),
        ({"http_url": "http://db.lan/items"}, "db.lan"),
        ({"peer_service": "Db"}, "db"),
        ({"rpc_service": "shop.Stock"}, "shop.stock"),
        ({"server_address": "stock.default.svc.cluster.local"}, "stock.default.svc.cluster.local"),
        ({"server_address": "db.lan", "peer_service": "database"}, "db.lan"),
        ({"status": "Error", "message": "getaddrinfo ENOTFOUND pricing.lan"}, "pricing.lan"),
        ({}, ""),
    ],
    ids=str,
)
def test_the_peer_is_the_host_that_was_addressed(attributes: dict[str, Any], peer: str) -> None:
    assert only(span("c", **attributes)).get("peer", "") == peer


# --- spans without kinds


def bare(name: str, below: str = "", service: str = "shop", ms: float = 10) -> dict[str, Any]:
    return span(name, below, kind="", service=service, ms=ms, status="")


def test_without_kinds_a_span_below_another_services_is_the_servers_side() -> None:
    root, call, answer, inner = (
        bare("root", ms=100),
        bare("call", "root", ms=50),
        bare("answer", "call", "stock", ms=20),
        bare("query", "answer", "stock"),
    )
    entry, row = calls(root, call, answer, inner)
    assert part(entry, "server", "entries", "server_ns") == {"server": "shop", "entries": 1, "server_ns": 100 * MS}
    expected = {"client": "shop", "server": "stock", "client_ns": 50 * MS, "uncovered_ns": 30 * MS}
    assert part(row, *expected) == expected


@pytest.mark.parametrize(
    "around",
    [
        [bare("p", ms=100)],
        [bare("root"), bare("p", "root"), bare("other", "p", "mail")],
    ],
    ids=["the root itself", "work around several calls"],
)
def test_without_kinds_a_callers_own_work_lends_no_time(around: list[dict[str, Any]]) -> None:
    rows = calls(*around, bare("answer", "p", "stock", ms=20))
    (row,) = [row for row in rows if row["server"] == "stock"]
    assert part(row, "client", "attempts", "client_ns", "uncovered_ns") == {
        "client": "shop",
        "attempts": 1,
        "client_ns": 0,
        "uncovered_ns": 0,
    }


# --- windows


def test_calls_fall_into_windows_by_the_clients_clock() -> None:
    late = server("s", "c", at=12)
    assert [row["window"] for row in calls(span("c", at=9.999), late)] == [T0]
    assert [row["window"] for row in calls(late, window_s=10)] == [T0 + 10]
    assert [row["window"] for row in calls(late, window_s=60)] == [T0]


@pytest.mark.parametrize(("ms", "bucket"), [(0, 0), (1, 0), (1.001, 1), (100, 6), (101, 7), (60_000, 14), (60_001, 15)])
def test_latency_buckets_include_their_upper_bounds(ms: float, bucket: int) -> None:
    assert only(span("c", ms=ms))[f"latency_{bucket:02d}"] == 1


def test_rows_name_a_trace_and_a_failed_trace() -> None:
    row = only(span("a", trace="good"), span("b", trace="bad", status="Error"))
    assert row["example_trace"] in ("good", "bad")
    assert row["error_trace"] == "bad"


def test_nothing_counted_is_an_empty_table_of_the_schema() -> None:
    with telemetry() as connection:
        table = edge_calls(connection, 10)
    assert table.schema == CALLS
    assert table.num_rows == 0
    assert merge_calls([]).schema == CALLS


def test_counting_leaves_the_connection_as_it_was() -> None:
    with telemetry([span("c"), server("s", "c"), server("s", "c"), bare("k")]) as connection:
        before = connection.sql("select table_name from duckdb_tables() union all from (show tables)").fetchall()
        first = edge_calls(connection, 10)
        assert edge_calls(connection, 10) == first
        after = connection.sql("select table_name from duckdb_tables() union all from (show tables)").fetchall()
    assert sorted(after) == sorted(before)


@pytest.mark.parametrize(
    ("hours", "window_s"), [(0, 10), (2.7, 10), (3, 30), (15.5, 60), (24, 300), (24 * 7, 900), (24 * 365, 3600)]
)
def test_the_window_is_the_shortest_that_leaves_a_thousand(hours: float, window_s: int) -> None:
    assert choose_window(T0, T0 + hours * 3600) == window_s


def test_detectors_see_frames_ordered_by_their_keys_and_times_in_seconds() -> None:
    changes = [
        {"Timestamp": (T0 + at) * 10**9, "Kind": "deploy", "Target": target, "Actor": "", "Outcome": "ok", "Detail": ""}
        for at, target in ((7, "b"), (3, "a"))
    ]
    spans = [server("s2", at=25), span("c", at=3), server("s", "c", at=3)]
    with telemetry(spans, changes=changes) as connection:
        windows = observe(connection)
    assert (windows.window_s, windows.start, windows.end) == (10, T0, T0 + 30)
    assert list(windows.calls["window"]) == [T0, T0 + 20]
    assert list(zip(windows.changes["time"], windows.changes["Target"], strict=True)) == [(T0 + 3, "a"), (T0 + 7, "b")]
    assert shown({"x": 0, "y": 1}) == {"y": 1}
