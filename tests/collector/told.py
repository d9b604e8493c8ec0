"""Spans told in a line each, as the views that windows are counted from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import duckdb
import pyarrow as pa

from epicenter.collector.model import TABLES
from epicenter.collector.windows import edge_calls

T0 = 1_760_940_000
"""A whole number of windows of any usual length."""


def span(
    name: str,
    below: str = "",
    *,
    kind: str = "Client",
    service: str = "shop",
    trace: str = "t1",
    at: float = 0.0,
    ms: float = 10.0,
    status: str = "Unset",
    message: str = "",
    operation: str = "GET",
    events: Sequence[Mapping[str, str]] = (),
    **attributes: str,
) -> dict[str, Any]:
    """One span. `name` is its id; `at` is in seconds after T0; attribute names are written with _ for the dots."""
    return {
        "Timestamp": round((T0 + at) * 1e9),
        "TraceId": trace,
        "SpanId": name,
        "ParentSpanId": below,
        "SpanName": operation,
        "SpanKind": kind,
        "ServiceName": service,
        "Duration": round(ms * 1e6),
        "StatusCode": status,
        "StatusMessage": message,
        "ResourceAttributes": [],
        "SpanAttributes": [(_dotted(key), value) for key, value in attributes.items()],
        "Events": [{"Timestamp": 0, "Name": "exception", "Attributes": list(event.items())} for event in events],
    }


def _dotted(key: str) -> str:
    kept = {"status__code": "status_code", "resend__count": "resend_count", "retry__attempts": "retry_attempts"}
    for spelled, meant in kept.items():
        if key.endswith(spelled):
            return key.removesuffix(spelled).replace("_", ".") + meant
    return key.replace("_", ".")


def server(name: str, below: str = "", **more: Any) -> dict[str, Any]:
    """A server span, of service "stock" unless said otherwise."""
    told: dict[str, Any] = {"kind": "Server", "service": "stock"} | more
    return span(name, below, **told)


def record(within: str, body: str, *, trace: str = "t1", severity: str = "WARN", **attributes: str) -> dict[str, Any]:
    """One log record, written inside the span `within`."""
    return {
        "Timestamp": T0 * 10**9,
        "TraceId": trace,
        "SpanId": within,
        "SeverityText": severity,
        "ServiceName": "shop",
        "Body": body,
        "EventName": "",
        "ResourceAttributes": [],
        "LogAttributes": [(key.replace("_", "."), value) for key, value in attributes.items()],
    }


def sample(name: str, at: float, value: float, **labels: str) -> dict[str, Any]:
    """One sample, `at` seconds after T0."""
    return {"Timestamp": round((T0 + at) * 1e9), "Name": name, "Labels": sorted(labels.items()), "Value": value}


def telemetry(
    spans: Sequence[dict[str, Any]] = (),
    logs: Sequence[dict[str, Any]] = (),
    samples: Sequence[dict[str, Any]] = (),
    changes: Sequence[dict[str, Any]] = (),
) -> duckdb.DuckDBPyConnection:
    """A connection with the four views."""
    connection = duckdb.connect()
    given = {"spans": spans, "logs": logs, "samples": samples, "changes": changes}
    for name, rows in given.items():
        connection.register(name, pa.Table.from_pylist(list(rows), schema=TABLES[name]))
    return connection


def calls(*spans: dict[str, Any], logs: Sequence[dict[str, Any]] = (), window_s: int = 10) -> list[dict[str, Any]]:
    """The rows of `edge_calls`, each with what is not zero or empty."""
    with telemetry(spans, logs) as connection:
        return [shown(row) for row in edge_calls(connection, window_s).to_pylist()]


def shown(row: Mapping[str, Any]) -> dict[str, Any]:
    """What is not zero or empty of a row."""
    return {key: value for key, value in row.items() if value}


def only(*spans: dict[str, Any], logs: Sequence[dict[str, Any]] = ()) -> dict[str, Any]:
    """The one row of `edge_calls` that has a client."""
    (row,) = [row for row in calls(*spans, logs=logs) if "client" in row]
    return row


def part(row: dict[str, Any], *names: str) -> dict[str, Any]:
    """Those cells of a row, 0 where it has none."""
    return {name: row.get(name, 0) for name in names}
