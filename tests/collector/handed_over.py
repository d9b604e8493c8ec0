"""Telemetry as users hand it over, for the tests of the readers."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from epicenter.collector.model import TABLES
from epicenter.collector.recording import Recording, open_recording
from tests.collector.told import server

T0 = 1_760_940_000 * 10**9
TRACE, SPAN = "5b8efff798038103d269b633813fc60c", "eee19b7ec3c1b174"

Json = dict[str, object]


def attributes(values: Mapping[str, str]) -> list[Json]:
    return [{"key": key, "value": {"stringValue": value}} for key, value in values.items()]


def otlp_span(**changes: object) -> Json:
    span: Json = {
        "traceId": TRACE.upper(),
        "spanId": SPAN.upper(),
        "name": "GET /x",
        "kind": 3,
        "startTimeUnixNano": str(T0),
        "endTimeUnixNano": str(T0 + 5_000_000),
        "attributes": [{"key": "server.port", "value": {"intValue": "443"}}],
        "status": {"code": 2, "message": "boom"},
    }
    return span | changes


def traces_line(*spans: Mapping[str, object], resource: Mapping[str, str] | None = None) -> str:
    scopes = [{"scope": {"name": "x"}, "spans": list(spans)}]
    return json.dumps({"resourceSpans": [{"resource": _resource(resource), "scopeSpans": scopes}]})


def logs_line(*records: Mapping[str, object], resource: Mapping[str, str] | None = None) -> str:
    return json.dumps({"resourceLogs": [{"resource": _resource(resource), "scopeLogs": [{"logRecords": records}]}]})


def metrics_line(*metrics: Mapping[str, object], resource: Mapping[str, str] | None = None) -> str:
    return json.dumps({"resourceMetrics": [{"resource": _resource(resource), "scopeMetrics": [{"metrics": metrics}]}]})


def _resource(values: Mapping[str, str] | None) -> Json:
    return {"attributes": attributes({"service.name": "shop"} if values is None else values)}


def opened(scratch: Path, *paths: Path, skip_bad: bool = False) -> Recording:
    scratch.mkdir(exist_ok=True)
    return open_recording(paths, scratch=scratch, skip_bad=skip_bad)


def rows(recording: Recording, query: str) -> list[tuple[object, ...]]:
    with recording.connect() as connection:
        return connection.execute(query).fetchall()


def read(folder: Path, name: str, content: str | bytes | Iterable[str], query: str) -> list[tuple[object, ...]]:
    """What `query` finds in a recording of one file of that name and content."""
    folder.mkdir(exist_ok=True)
    path = folder / name
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        path.write_text(content if isinstance(content, str) else "\n".join(content))
    return rows(opened(folder / "scratch", path), query)


def damaged(path: Path, column: str) -> Path:
    """A Parquet file of spans whose footer is whole and whose pages of one column are overwritten."""
    spans = [server(f"s{n}", trace=f"t{n}", at=n, operation=f"GET /{n}") for n in range(200)]
    pq.write_table(pa.Table.from_pylist(spans, schema=TABLES["spans"]), path)
    group = pq.read_metadata(path).row_group(0)
    (chunk,) = [group.column(i) for i in range(group.num_columns) if group.column(i).path_in_schema == column]
    content = bytearray(path.read_bytes())
    first = min(start for start in (chunk.dictionary_page_offset, chunk.data_page_offset) if start)
    content[first : first + chunk.total_compressed_size] = b"\xa5" * chunk.total_compressed_size
    path.write_bytes(content)
    return path
