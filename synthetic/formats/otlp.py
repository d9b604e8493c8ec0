"""OTLP JSON Lines as the OpenTelemetry Collector's file exporter writes them: one file a signal.

Source: OpenTelemetry's "OTLP file exporter" and the protocol's JSON mapping: ids in hex, enums as integers, 64-bit
integers as decimal strings, names in lowerCamelCase.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from ...collector.model import SPANS
from ...collector.writer import RecordingWriter, TextFile
from ..world.history import History
from .batches import LOGS, TRACES, full_batches, lines
from .json_text import attribute_lists, attributes, decimals, flat, gathered, joined, looked_up, quote, quoted
from .otlp_metrics import metric_lines

CHANGE_LOG = "change-log"
"""The service whose log records tell of changes."""

_KINDS = {"Internal": 1, "Server": 2, "Client": 3, "Producer": 4, "Consumer": 5}
_STATUS = {"Ok": 1, "Error": 2}
_INFO = 9  # severity number

_BETWEEN = "\x1f"
"""A unit separator stands in no name and no message."""


class OtlpJson:
    """`traces.jsonl`, `metrics.jsonl` and `logs.jsonl`."""

    def __init__(self, writer: RecordingWriter) -> None:
        self._writer = writer
        self._traces, self._logs = writer.file("traces.jsonl"), writer.file("logs.jsonl")

    def changes(self, table: pa.Table) -> None:
        """Write rows of CHANGES as log records, whose event name is the kind."""
        times = flat(table["Timestamp"]).cast(pa.int64())
        texts = pa.array([_log_record(time, row) for time, row in zip(times.to_pylist(), _rows(table), strict=True)])
        resource = attributes([("service.name", CHANGE_LOG)]).encode()
        nowhere = np.zeros(len(times), np.int64)
        self._logs.write(lines(LOGS, texts, nowhere, [resource], full_batches(len(times))))
        _count(self._logs, "changes", times)
        _count(self._logs, "logs", times)

    def samples(self, history: History, every_s: float, metrics: Sequence[str]) -> None:
        """Write the metrics of these dialects, scrape by scrape."""
        file = self._writer.file("metrics.jsonl")
        for batch in metric_lines(history, every_s, metrics):
            file.write(batch.text)
            file.count("samples", batch.samples, batch.times_ns)

    def spans(self, table: pa.Table) -> None:
        """Write rows of SPANS."""
        table = table.cast(SPANS)
        resources = attribute_lists(table["ResourceAttributes"]).dictionary_encode()
        texts = [text.encode() for text in resources.dictionary.to_pylist()]
        which = resources.indices.to_numpy().astype(np.int64)
        self._traces.write(lines(TRACES, span_texts(table), which, texts, full_batches(table.num_rows)))
        _count(self._traces, "spans", flat(table["Timestamp"]).cast(pa.int64()))

    def logs(self, table: pa.Table) -> None:
        """Write rows of LOGS."""
        resources = attribute_lists(table["ResourceAttributes"]).dictionary_encode()
        texts = [text.encode() for text in resources.dictionary.to_pylist()]
        which = resources.indices.to_numpy().astype(np.int64)
        self._logs.write(lines(LOGS, log_texts(table), which, texts, full_batches(table.num_rows)))
        _count(self._logs, "logs", flat(table["Timestamp"]).cast(pa.int64()))


def log_texts(table: pa.Table) -> pa.StringArray:
    """JSON text of each row of LOGS."""
    time = decimals(flat(table["Timestamp"]).cast(pa.int64()))
    return joined(
        '{"timeUnixNano":"',
        time,
        '","observedTimeUnixNano":"',
        time,
        '","severityText":',
        quoted(table["SeverityText"]),
        ',"eventName":',
        quoted(table["EventName"]),
        ',"body":{"stringValue":',
        quoted(table["Body"]),
        '},"attributes":[',
        attribute_lists(table["LogAttributes"]),
        '],"traceId":"',
        flat(table["TraceId"]),
        '","spanId":"',
        flat(table["SpanId"]),
        '"}',
    )


def span_texts(table: pa.Table) -> pa.StringArray:
    """JSON text of each row of SPANS."""
    start = flat(table["Timestamp"]).cast(pa.int64())
    end = pa.array(start.to_numpy() + flat(table["Duration"]).to_numpy())
    status = joined(flat(table["StatusCode"]), flat(table["StatusMessage"]), between=_BETWEEN)
    return joined(
        '{"traceId":"',
        flat(table["TraceId"]),
        '","spanId":"',
        flat(table["SpanId"]),
        '","parentSpanId":"',
        flat(table["ParentSpanId"]),
        '","name":',
        quoted(table["SpanName"]),
        looked_up(table["SpanKind"], lambda kind: f',"kind":{_KINDS[kind]}' if kind else ""),
        ',"startTimeUnixNano":"',
        decimals(start),
        '","endTimeUnixNano":"',
        decimals(end),
        '","attributes":[',
        attribute_lists(table["SpanAttributes"]),
        "]",
        _events(flat(table["Events"])),
        ',"status":{',
        looked_up(status, _status),
        "}}",
    )


def _status(text: str) -> str:
    code, _, message = text.partition(_BETWEEN)
    said = [f'"message":{quote(message)}'] if message else []
    return ",".join([*said, *([f'"code":{_STATUS[code]}'] if code in _STATUS else [])])


def _events(column: pa.ListArray) -> pa.StringArray:
    events = column.values
    texts = joined(
        '{"timeUnixNano":"',
        decimals(events.field("Timestamp").cast(pa.int64())),
        '","name":',
        quoted(events.field("Name")),
        ',"attributes":[',
        attribute_lists(events.field("Attributes")),
        "]}",
    )
    lists = gathered(column.offsets, texts)
    some = np.diff(column.offsets.to_numpy()) > 0
    opened = pa.array(["", ',"events":[']).take(pa.array(some.astype(np.int8)))
    closed = pa.array(["", "]"]).take(pa.array(some.astype(np.int8)))
    return joined(opened, lists, closed)


def _rows(table: pa.Table) -> list[dict[str, str | int | None]]:
    return table.drop_columns(["Timestamp"]).to_pylist()


def _log_record(time: int, row: dict[str, str | int | None]) -> str:
    said = [(name, _text(row[name.capitalize()])) for name in ("target", "actor", "outcome")]
    said += [
        (name, f'{{"intValue":"{row[name.capitalize()]}"}}')
        for name in ("generation", "answers")
        if row[name.capitalize()] is not None
    ]
    told = ",".join(f'{{"key":"change.{name}","value":{value}}}' for name, value in said)
    return (
        f'{{"timeUnixNano":"{time}","observedTimeUnixNano":"{time}","severityNumber":{_INFO},"severityText":"INFO",'
        f'"eventName":{quote(str(row["Kind"]))},"body":{_text(row["Detail"])},"attributes":[{told}]}}'
    )


def _text(value: object) -> str:
    return f'{{"stringValue":{quote(str(value))}}}'


def _count(file: TextFile, table: str, times_ns: pa.Array) -> None:
    ends = [int(times_ns.to_numpy().min()), int(times_ns.to_numpy().max())] if len(times_ns) else []
    file.count(table, len(times_ns), ends)
