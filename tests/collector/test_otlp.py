"""OTLP JSON Lines, as the Collector and the SDKs really write them, come out in the model's words."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from epicenter.collector.errors import UnreadableInput
from epicenter.collector.otlp import convert_lines
from tests.collector.handed_over import SPAN, T0, TRACE, Json, logs_line, otlp_span, read, traces_line
from tests.fuzzing import fuzzed


def test_a_span_comes_out_in_the_models_words(tmp_path: Path) -> None:
    query = """select TraceId, SpanId, ParentSpanId, SpanName, SpanKind, StatusCode, StatusMessage, ServiceName,
        Duration, SpanAttributes['server.port'], ResourceAttributes['service.name'], epoch_ns(Timestamp) from spans"""
    found = read(tmp_path, "traces.jsonl", traces_line(otlp_span()) + "\n\n", query)
    assert found == [(TRACE, SPAN, "", "GET /x", "Client", "Error", "boom", "shop", 5_000_000, "443", "shop", T0)]


def test_a_line_of_the_nodejs_sdk_through_the_collector(tmp_path: Path) -> None:
    line = (
        '{"resourceSpans":[{"resource":{"attributes":[{"key":"service.namespace","value":{"stringValue":"shop"}},'
        '{"key":"service.name","value":{"stringValue":"storefront"}},{"key":"process.pid","value":{"intValue":"7"}}]},'
        '"scopeSpans":[{"scope":{"name":"@opentelemetry/instrumentation-dns","version":"0.66.0"},"spans":[{"traceId":'
        '"c12a963db756103f4ad69c793d56d381","spanId":"b6614ca669f0a48d","parentSpanId":"","flags":257,"name":'
        '"dns.lookup","kind":3,"startTimeUnixNano":"1795407347624000000","endTimeUnixNano":"1795407347631463966",'
        '"attributes":[{"key":"peer.ipv4","value":{"stringValue":"127.0.1.11"}}],"status":{},"links":[]}]}],'
        '"schemaUrl":"https://opentelemetry.io/schemas/1.40.0"}]}'
    )
    query = "select ServiceName, SpanName, StatusCode, Duration, SpanAttributes['peer.ipv4'] from spans"
    found = read(tmp_path, "t.jsonl", line, query)
    assert found == [("storefront", "dns.lookup", "Unset", 7_463_966, "127.0.1.11")]


def test_a_span_that_never_ended_is_kept_and_marked(tmp_path: Path) -> None:
    for end in ({"endTimeUnixNano": "0"}, {"endTimeUnixNano": 0}):
        query = "select Duration, SpanAttributes['epicenter.span.unfinished'] from spans"
        assert read(tmp_path, "t.jsonl", traces_line(otlp_span(**end)), query) == [(0, "true")]
    span = otlp_span()
    del span["endTimeUnixNano"]
    assert read(tmp_path, "t.jsonl", traces_line(span), query) == [(0, "true")]


def test_a_clock_that_was_set_back_makes_no_negative_duration(tmp_path: Path) -> None:
    line = traces_line(otlp_span(endTimeUnixNano=str(T0 - 5)))
    assert read(tmp_path, "t.jsonl", line, "select Duration from spans") == [(0,)]


@pytest.mark.parametrize(
    ("kind", "status", "expected"),
    [
        ("SPAN_KIND_SERVER", "STATUS_CODE_OK", ("Server", "Ok")),
        ("SPAN_KIND_UNSPECIFIED", "STATUS_CODE_UNSET", ("", "Unset")),
        (5, 0, ("Consumer", "Unset")),
        ("4", "2", ("Producer", "Error")),
        (0, 1, ("", "Ok")),
        (99, 99, ("", "")),
    ],
)
def test_enums_may_be_numbers_or_names(tmp_path: Path, kind: object, status: object, expected: object) -> None:
    line = traces_line(otlp_span(kind=kind, status={"code": status}))
    assert read(tmp_path, "t.jsonl", line, "select SpanKind, StatusCode from spans") == [expected]


def test_numbers_may_be_numbers_and_a_root_may_have_a_parent_of_zeros(tmp_path: Path) -> None:
    span = otlp_span(startTimeUnixNano=T0, endTimeUnixNano=T0 + 9, parentSpanId="0" * 16, attributes=[], status=None)
    found = read(tmp_path, "t.jsonl", traces_line(span), "select Duration, ParentSpanId, StatusCode from spans")
    assert found == [(9, "", "Unset")]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"stringValue": "é"}, "é"),
        ({"intValue": "-7"}, "-7"),
        ({"intValue": 7}, "7"),
        ({"boolValue": False}, "false"),
        ({"doubleValue": 0.5}, "0.5"),
        ({"doubleValue": 3.0}, "3"),
        ({"doubleValue": "NaN"}, "nan"),
        ({"bytesValue": "aGk="}, "aGk="),
        ({"arrayValue": {"values": [{"intValue": "1"}, {"stringValue": "b"}, {}]}}, '[1,"b",null]'),
        ({"arrayValue": {}}, "[]"),
        ({"kvlistValue": {"values": [{"key": "k", "value": {"arrayValue": {"values": [{}]}}}]}}, '{"k":[null]}'),
        ({}, ""),
        (None, ""),
    ],
)  # fmt: skip
def test_every_kind_of_attribute_becomes_text(tmp_path: Path, value: object, text: str) -> None:
    line = traces_line(otlp_span(attributes=[{"key": "a", "value": value}]))
    assert read(tmp_path, "t.jsonl", line, "select SpanAttributes['a'] from spans") == [(text,)]


def test_of_a_key_that_comes_twice_the_last_counts(tmp_path: Path) -> None:
    twice = [{"key": "a", "value": {"stringValue": text}} for text in ("first", "last")]
    found = read(tmp_path, "t.jsonl", traces_line(otlp_span(attributes=twice)), "select SpanAttributes from spans")
    assert found == [({"a": "last"},)]


def test_exceptions_in_span_events_are_kept(tmp_path: Path) -> None:
    message = [{"key": "exception.message", "value": {"stringValue": "[Errno -5] No address"}}]
    events = [{"timeUnixNano": str(T0 + 3), "name": "exception", "attributes": message}, {"name": "untimed"}]
    query = """select epoch_ns(e.Timestamp), e.Name, e.Attributes['exception.message']
        from (select unnest(Events) as e from spans)"""
    found = read(tmp_path, "t.jsonl", traces_line(otlp_span(events=events)), query)
    assert found == [(T0 + 3, "exception", "[Errno -5] No address"), (T0, "untimed", None)]


def test_log_records(tmp_path: Path) -> None:
    record: Json = {
        "observedTimeUnixNano": str(T0),
        "severityText": "ERROR",
        "body": {"stringValue": "lookup failed"},
        "traceId": TRACE.upper(),
        "spanId": SPAN.upper(),
        "attributes": [{"key": "exception.type", "value": {"stringValue": "gaierror"}}],
    }
    query = """select epoch_ns(Timestamp), TraceId, SpanId, SeverityText, ServiceName, Body, EventName,
        LogAttributes['exception.type'] from logs"""
    found = read(tmp_path, "l.jsonl", logs_line(record), query)
    assert found == [(T0, TRACE, SPAN, "ERROR", "shop", "lookup failed", "", "gaierror")]


def test_signals_are_told_apart_by_content_even_in_one_file(tmp_path: Path) -> None:
    lines = [traces_line(otlp_span()), logs_line({"timeUnixNano": str(T0)})]
    query = "select (select count(*) from spans), (select count(*) from logs)"
    assert read(tmp_path, "everything.json", lines, query) == [(1, 1)]


def test_one_document_over_many_lines_is_read(tmp_path: Path) -> None:
    document = json.dumps(json.loads(traces_line(otlp_span())), indent=2)
    assert read(tmp_path, "traces.json", document, "select SpanName from spans") == [("GET /x",)]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
FIELDS = st.sampled_from(["traceId", "kind", "startTimeUnixNano", "endTimeUnixNano", "attributes", "status", "events"])
ATTRIBUTE = st.dictionaries(st.sampled_from(["arrayValue", "kvlistValue", "intValue", "doubleValue"]), json_values)


@given(st.dictionaries(FIELDS, json_values, max_size=3), ATTRIBUTE)
@fuzzed(150)
def test_a_span_of_any_shape_is_read_or_refused_with_its_line(
    tmp_path_factory: pytest.TempPathFactory, changes: Json, attribute: Json
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.jsonl"
    span = otlp_span(attributes=[{"key": "k", "value": attribute}]) | changes
    path.write_text(traces_line(otlp_span(spanId="0" * 16)) + "\n" + traces_line(span))
    refused: list[UnreadableInput] = []
    read_spans = sum(table.num_rows for _, table in convert_lines(path, refused.append))
    assert read_spans + len(refused) == 2
    assert [error.line for error in refused] == [2] * len(refused)


@given(st.binary(max_size=60), st.integers(0, 400))
@fuzzed(150)
def test_bytes_of_any_kind_are_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, junk: bytes, place: int
) -> None:
    path = tmp_path_factory.getbasetemp() / "junk.jsonl"
    line = traces_line(otlp_span()).encode()
    path.write_bytes(line + b"\n" + line[:place] + junk + line[place:])
    refused: list[UnreadableInput] = []
    found = [table for _, table in convert_lines(path, refused.append)]
    assert sum(table.num_rows for table in found) >= 1
    assert all(error.line is not None for error in refused)
