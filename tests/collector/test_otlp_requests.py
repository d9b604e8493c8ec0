"""Export requests of real SDKs, in protobuf and JSON, become the same tables, and nonsense becomes one error."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pyarrow as pa
import pytest
from google.protobuf.message import Message
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue, KeyValueList
from opentelemetry.proto.metrics.v1.metrics_pb2 import AGGREGATION_TEMPORALITY_DELTA

from epicenter.collector.errors import UnreadableRequest
from epicenter.collector.model import TABLES
from epicenter.collector.otlp.decode import SIGNALS, Export, Signal, checked, decode
from epicenter.collector.otlp.totals import DELTAS, Totals
from tests.collector.handed_over import T0, otlp_span, traces_line
from tests.collector.otlp_requests import EDITS, as_json, flipped, requests
from tests.fuzzing import fuzzed


def rows(export: Export) -> dict[str, list[dict[str, Any]]]:
    return {name: table.to_pylist() for name, table in decode(export).tables.items()}


@given(requests())
@settings(max_examples=150, deadline=None)
def test_protobuf_and_json_say_the_same(request: tuple[Signal, Message]) -> None:
    signal, message = request
    from_protobuf = decode(Export(signal, message.SerializeToString()))
    from_json = decode(Export(signal, as_json(message), json=True))
    # a NaN equals nothing, not even itself
    assert repr(from_protobuf.tables.keys()) == repr(from_json.tables.keys())
    for name, table in from_protobuf.tables.items():
        assert repr(table.to_pylist()) == repr(from_json.tables[name].to_pylist())
    assert (from_protobuf.rejected, from_protobuf.why) == (from_json.rejected, from_json.why)


@given(requests())
@settings(max_examples=50, deadline=None)
def test_tables_are_the_models_and_hold_all_that_was_not_rejected(request: tuple[Signal, Message]) -> None:
    signal, message = request
    found = decode(Export(signal, message.SerializeToString()))
    for name, table in found.tables.items():
        assert table.schema == TABLES["samples" if name == DELTAS else name]
        assert table.num_rows
    if signal == "traces":
        sent: Any = message
        spans = sum(len(scope.spans) for resource in sent.resource_spans for scope in resource.scope_spans)
        assert spans == found.rejected + (found.tables["spans"].num_rows if "spans" in found.tables else 0)


def test_attributes_of_every_type_come_out_as_the_clickhouse_exporter_writes_them() -> None:
    nested = AnyValue(kvlist_value=KeyValueList(values=[KeyValue(key="b", value=AnyValue(bytes_value=b"\0\xff"))]))
    values = {
        "text": AnyValue(string_value="é"),
        "whole": AnyValue(int_value=-(2**63)),
        "yes": AnyValue(bool_value=True),
        "no": AnyValue(bool_value=False),
        "half": AnyValue(double_value=0.5),
        "list": AnyValue(array_value=ArrayValue(values=[AnyValue(int_value=2**60), nested])),
        "bytes": AnyValue(bytes_value=b"\0\xff"),
        "none": AnyValue(),
        "long": AnyValue(string_value="x" * 300),
    }
    request = ExportTraceServiceRequest()
    span = (
        request.resource_spans.add()
        .scope_spans.add()
        .spans.add(trace_id=b"t" * 16, span_id=b"s" * 8, start_time_unix_nano=T0)
    )
    span.attributes.extend(KeyValue(key=key, value=value) for key, value in values.items())
    span.attributes.add(key="nothing")
    (row,) = rows(Export("traces", request.SerializeToString()))["spans"]
    assert dict(row["SpanAttributes"]) == {
        "text": "é",
        "whole": "-9223372036854775808",
        "yes": "true",
        "no": "false",
        "half": "0.5",
        "list": '[1152921504606846976,{"b":"AP8="}]',
        "bytes": "AP8=",
        "none": "",
        "long": "x" * 300,
        "nothing": "",
        "epicenter.span.unfinished": "true",
    }


def test_what_cannot_be_used_of_a_request_is_counted_and_the_rest_is_kept() -> None:
    request = ExportTraceServiceRequest()
    spans = request.resource_spans.add().scope_spans.add().spans
    spans.add(trace_id=b"t" * 16, span_id=b"s" * 8, start_time_unix_nano=T0)
    spans.add(trace_id=b"t" * 16, start_time_unix_nano=T0)
    spans.add(trace_id=b"t" * 16, span_id=b"s" * 8, start_time_unix_nano=T0 // 10**9)
    found = decode(Export("traces", request.SerializeToString()))
    assert (found.tables["spans"].num_rows, found.rejected) == (1, 2)
    assert found.why == "a span has no traceId or no spanId"


@pytest.mark.parametrize(
    ("odd", "why"),
    [
        ({"traceId": "zz"}, "traceId 'zz' is not 16 bytes in hex"),
        ({"traceId": "5b8e"}, "traceId '5b8e' is not 16 bytes in hex"),
        ({"spanId": "g" * 16}, "spanId 'gggggggggggggggg' is not 8 bytes in hex"),
        ({"parentSpanId": "12"}, "parentSpanId '12' is not 8 bytes in hex"),
    ],
)
def test_an_id_that_is_none_rejects_its_span_alone(odd: dict[str, str], why: str) -> None:
    whole = json.loads(traces_line(otlp_span(parentSpanId="")))
    whole["resourceSpans"][0]["scopeSpans"][0]["spans"].append(otlp_span(**odd))
    found = decode(Export("traces", json.dumps(whole).encode(), json=True))
    assert (found.tables["spans"].num_rows, found.rejected, found.why) == (1, 1, why)
    assert found.tables["spans"]["ParentSpanId"].to_pylist() == [""]


def test_ids_of_a_few_bytes_reject_their_span() -> None:
    request = ExportTraceServiceRequest()
    request.resource_spans.add().scope_spans.add().spans.add(trace_id=b"tt", span_id=b"s", start_time_unix_nano=T0)
    found = checked(Export("traces", request.SerializeToString()))
    assert (found.tables, found.later, found.rejected) == ({}, None, 1)


@pytest.mark.parametrize("odd", [{"kind": "NOPE"}, {"kind": "SERVER"}, {"kind": 2**31}, {"status": {"code": "x"}}])
def test_a_name_that_an_enum_does_not_have_is_no_request(odd: Any) -> None:
    with pytest.raises(UnreadableRequest, match=r"the body is no OTLP JSON of traces"):
        decode(Export("traces", traces_line(otlp_span(**odd)).encode(), json=True))


@pytest.mark.parametrize(("kind", "told"), [(99, ""), (-1, ""), ("3", "Client"), ("SPAN_KIND_SERVER", "Server")])
def test_numbers_of_a_later_protocol_and_names_are_taken(kind: int | str, told: str) -> None:
    (row,) = rows(Export("traces", traces_line(otlp_span(kind=kind)).encode(), json=True))["spans"]
    assert row["SpanKind"] == told


def test_a_refused_metric_counts_with_all_its_points() -> None:
    request = ExportMetricsServiceRequest()
    metrics = request.resource_metrics.add().scope_metrics.add().metrics
    points = metrics.add(name="x").gauge.data_points
    points.add(time_unix_nano=T0, as_int=1)
    points.add(time_unix_nano=5, as_int=1)
    metrics.add(name="y").gauge.data_points.add(time_unix_nano=T0, as_int=1)
    found = decode(Export("metrics", request.SerializeToString()))
    assert (found.tables["samples"].num_rows, found.rejected) == (1, 2)


def test_deltas_of_several_requests_add_up_and_go_on_after_a_restart() -> None:
    totals = Totals()
    found: list[float] = []
    for step, value in enumerate((5, 7, 2)):
        request = ExportMetricsServiceRequest()
        metric = request.resource_metrics.add().scope_metrics.add().metrics.add(name="orders")
        metric.sum.is_monotonic, metric.sum.aggregation_temporality = True, AGGREGATION_TEMPORALITY_DELTA
        metric.sum.data_points.add(time_unix_nano=T0 + step, as_int=value)
        tables = decode(Export("metrics", request.SerializeToString())).tables
        assert list(tables) == [DELTAS]
        ((name, samples),) = totals.added_up(tables.items())
        assert (name, samples.schema) == ("samples", TABLES["samples"])
        found += samples["Value"].to_pylist()
        totals = Totals(totals.encode())
    assert found == [5, 12, 14]


def test_of_more_series_than_are_kept_the_one_that_was_silent_longest_begins_again() -> None:
    totals = Totals(most=2)

    def add(series: str, value: float) -> float:
        row = {"Timestamp": T0, "Name": series, "Labels": [("a", "b")], "Value": value}
        ((_, table),) = totals.added_up([(DELTAS, pa.Table.from_pylist([row], schema=TABLES["samples"]))])
        return table["Value"][0].as_py()

    assert [add("a", 1), add("b", 1), add("a", 1), add("c", 1), add("a", 1), add("b", 1)] == [1, 1, 2, 1, 3, 1]


@pytest.mark.parametrize("signal", SIGNALS)
@pytest.mark.parametrize(
    ("body", "json"),
    [
        (b"{", True),
        (b"[]", True),
        (b"17", True),
        (b"\xff\xfe", True),
        (b'{"resourceSpans": 1, "resourceLogs": 1, "resourceMetrics": 1}', True),
        (b'{"x": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", True),
        (b"\x0a\xff", False),
        (b"<html>", False),
        (b"\x0a\x02\x0a\x09", False),
    ],
)
def test_what_is_no_otlp_is_one_sentence(signal: Signal, body: bytes, json: bool) -> None:
    with pytest.raises(UnreadableRequest, match=f"^the body is no OTLP (JSON|protobuf) of {signal}"):
        decode(Export(signal, body, json))


@pytest.mark.parametrize("signal", SIGNALS)
def test_an_empty_request_is_valid_and_holds_nothing(signal: Signal) -> None:
    assert decode(Export(signal, b"")).tables == decode(Export(signal, b"{}", json=True)).tables == {}


def test_text_that_is_no_utf8_is_refused_wherever_it_stands() -> None:
    request = ExportTraceServiceRequest()
    span = request.resource_spans.add().scope_spans.add().spans.add(trace_id=b"t" * 16, span_id=b"s" * 8, name="NAME")
    span.attributes.add(key="KEY").value.string_value = "VALUE"
    body = request.SerializeToString()
    for word in (b"NAME", b"KEY", b"VALUE"):
        with pytest.raises(UnreadableRequest):
            decode(Export("traces", body.replace(word, b"\xff" * len(word))))


def inside(fields: str, content: bytes) -> bytes:
    """`content` inside messages in each other, told by their field numbers, the innermost first."""
    for field in fields:
        length = len(content)
        digits = bytes([length & 0x7F | 0x80, length >> 7]) if length > 127 else bytes([length])
        content = bytes([int(field) << 3 | 2]) + digits + content
    return content


def test_nesting_has_an_end() -> None:
    for depth, good in ((40, True), (200, False)):
        attribute = inside("2", inside("15" * depth, inside("1", b"x")))
        body = inside("6221", attribute)
        if good:
            assert decode(Export("logs", body)).rejected == 1  # for want of a time
        else:
            with pytest.raises(UnreadableRequest):
                decode(Export("logs", body))
    deep: Any = {"stringValue": "x"}
    for _ in range(200):
        deep = {"arrayValue": {"values": [deep]}}
    records = [{"timeUnixNano": str(T0), "attributes": [{"key": "k", "value": deep}]}, {"timeUnixNano": str(T0)}]
    body = json.dumps({"resourceLogs": [{"scopeLogs": [{"logRecords": records}]}]}).encode()
    found = decode(Export("logs", body, json=True))
    assert (found.tables["logs"].num_rows, found.rejected) == (1, 1)
    assert "arrays and maps in each other" in found.why


def test_a_summary_of_nothing_has_its_sum_in_json_too() -> None:
    request = ExportMetricsServiceRequest()
    metric = request.resource_metrics.add().scope_metrics.add().metrics.add(name="wait")
    metric.summary.data_points.add(time_unix_nano=T0)
    for export in (Export("metrics", request.SerializeToString()), Export("metrics", as_json(request), json=True)):
        assert [(row["Name"], row["Value"]) for row in rows(export)["samples"]] == [("wait_count", 0), ("wait_sum", 0)]


def test_numbers_that_only_json_can_write_are_refused_with_their_metric() -> None:
    huge = 10**400
    point = {"timeUnixNano": str(T0), "count": huge, "bucketCounts": [huge], "explicitBounds": []}
    gauge = {"timeUnixNano": str(T0), "asInt": huge}
    metrics = [
        {"name": "a", "histogram": {"dataPoints": [point]}},
        {"name": "b", "gauge": {"dataPoints": [gauge]}},
        {"name": "c", "gauge": {"dataPoints": [gauge | {"asInt": 1}]}},
    ]
    body = json.dumps({"resourceMetrics": [{"scopeMetrics": [{"metrics": metrics}]}]}).encode()
    found = decode(Export("metrics", body, json=True))
    assert (found.tables["samples"].num_rows, found.rejected) == (1, 2)


def decoded_or_refused(export: Export) -> dict[str, pa.Table]:
    with suppress(UnreadableRequest):
        return decode(export).tables
    return {}


@given(requests(), EDITS, st.booleans())
@fuzzed(400)
def test_a_garbled_request_is_read_or_refused_and_nothing_else(
    request: tuple[Signal, Message], edits: list[tuple[float, int, bytes]], json: bool
) -> None:
    signal, message = request
    body = flipped(as_json(message) if json else message.SerializeToString(), edits)
    for table in decoded_or_refused(Export(signal, body, json)).values():
        table.validate(full=True)


@given(st.binary(max_size=200), st.sampled_from(SIGNALS), st.booleans())
@fuzzed(200)
def test_any_bytes_are_read_or_refused(body: bytes, signal: Signal, json: bool) -> None:
    decoded_or_refused(Export(signal, body, json))


def test_a_request_is_found_again_by_its_kind() -> None:
    kinds = {Export(signal, b"x", json).kind for signal in SIGNALS for json in (False, True)}
    assert {Export.of_kind(kind, b"x") for kind in kinds} == {
        Export(signal, b"x", json) for signal in SIGNALS for json in (False, True)
    }
    with pytest.raises(UnreadableRequest):
        Export.of_kind(200, b"x")
