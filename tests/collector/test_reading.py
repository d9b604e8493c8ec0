"""What a user hands over, in whatever shape, comes out in the model's columns."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from epicenter.collector.errors import UnreadableInput, UsageError
from epicenter.collector.model import SPANS, TABLES
from epicenter.collector.recording import Recording, RecordingWriter, open_recording, summarize

T0 = 1_760_940_000 * 10**9


def otlp_span(**changes: object) -> dict[str, object]:
    span: dict[str, object] = {
        "traceId": "5B8EFFF798038103D269B633813FC60C",
        "spanId": "EEE19B7EC3C1B174",
        "name": "GET /x",
        "kind": 3,
        "startTimeUnixNano": str(T0),
        "endTimeUnixNano": str(T0 + 5_000_000),
        "attributes": [{"key": "server.port", "value": {"intValue": "443"}}],
        "status": {"code": 2, "message": "boom"},
    }
    return span | changes


def traces_line(*spans: dict[str, object]) -> str:
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": "shop"}}]}
    return json.dumps({"resourceSpans": [{"resource": resource, "scopeSpans": [{"spans": list(spans)}]}]})


def opened(tmp_path: Path, *paths: Path, skip_bad: bool = False) -> Recording:
    scratch = tmp_path / "scratch"
    scratch.mkdir(exist_ok=True)
    return open_recording(list(paths) or [tmp_path / "in"], scratch=scratch, skip_bad=skip_bad)


def rows(recording: Recording, query: str) -> list[tuple[object, ...]]:
    connection = recording.connect()
    try:
        return connection.execute(query).fetchall()
    finally:
        connection.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "in").mkdir()
    return tmp_path / "in"


def test_otlp_spans_come_out_in_the_models_words(tmp_path: Path, folder: Path) -> None:
    (folder / "traces.jsonl").write_text(traces_line(otlp_span()) + "\n\n")
    found = rows(
        opened(tmp_path),
        "select TraceId, SpanId, ParentSpanId, SpanKind, StatusCode, StatusMessage, ServiceName, Duration,"
        " SpanAttributes['server.port'], epoch_ns(Timestamp) from spans",
    )
    trace, span = "5b8efff798038103d269b633813fc60c", "eee19b7ec3c1b174"
    assert found == [(trace, span, "", "Client", "Error", "boom", "shop", 5_000_000, "443", T0)]


def test_a_span_that_never_ended_is_kept_and_marked(tmp_path: Path, folder: Path) -> None:
    (folder / "traces.jsonl").write_text(traces_line(otlp_span(endTimeUnixNano="0")))
    found = rows(opened(tmp_path), "select Duration, SpanAttributes['epicenter.span.unfinished'] from spans")
    assert found == [(0, "true")]


def test_enums_by_name_and_numbers_as_numbers_are_read_too(tmp_path: Path, folder: Path) -> None:
    span = otlp_span(kind="SPAN_KIND_SERVER", startTimeUnixNano=T0, status={"code": "STATUS_CODE_OK"})
    (folder / "traces.jsonl").write_text(traces_line(span))
    assert rows(opened(tmp_path), "select SpanKind, StatusCode from spans") == [("Server", "Ok")]


def test_every_kind_of_attribute_becomes_text(tmp_path: Path, folder: Path) -> None:
    values = {
        "array": {"arrayValue": {"values": [{"intValue": "1"}, {"stringValue": "b"}]}},
        "map": {"kvlistValue": {"values": [{"key": "k", "value": {"boolValue": True}}]}},
        "bool": {"boolValue": False},
        "double": {"doubleValue": 0.5},
        "none": {},
    }
    attributes = [{"key": key, "value": value} for key, value in values.items()]
    (folder / "traces.jsonl").write_text(traces_line(otlp_span(attributes=attributes)))
    ((found,),) = rows(opened(tmp_path), "select SpanAttributes from spans")
    assert found == {
        "array": '[1,"b"]',
        "map": '{"k":true}',
        "bool": "false",
        "double": "0.5",
        "none": "",
    } or found == {
        "array": '["1","b"]',
        "map": '{"k":true}',
        "bool": "false",
        "double": "0.5",
        "none": "",
    }


def test_histograms_and_counters_get_their_prometheus_names(tmp_path: Path, folder: Path) -> None:
    point = {"timeUnixNano": str(T0), "count": "3", "sum": 1.5, "bucketCounts": ["1", "2"], "explicitBounds": [0.5]}
    metrics = [
        {"name": "http.server.request.duration", "unit": "s", "histogram": {"dataPoints": [point]}},
        {
            "name": "dns.questions",
            "unit": "{question}",
            "sum": {"isMonotonic": True, "dataPoints": [{"timeUnixNano": str(T0), "asInt": "7"}]},
        },
    ]
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": "shop"}}]}
    line = {"resourceMetrics": [{"resource": resource, "scopeMetrics": [{"metrics": metrics}]}]}
    (folder / "metrics.jsonl").write_text(json.dumps(line))
    found = rows(opened(tmp_path), "select Name, Labels['le'], Labels['job'], Value from samples order by all")
    assert found == [
        ("dns_questions_total", None, "shop", 7.0),
        ("http_server_request_duration_seconds_bucket", "+Inf", "shop", 3.0),
        ("http_server_request_duration_seconds_bucket", "0.5", "shop", 1.0),
        ("http_server_request_duration_seconds_count", None, "shop", 3.0),
        ("http_server_request_duration_seconds_sum", None, "shop", 1.5),
    ]


def test_deltas_are_added_up_to_counters(tmp_path: Path, folder: Path) -> None:
    points = [{"timeUnixNano": str(T0 + i * 10**9), "asInt": str(i)} for i in (1, 2, 3)]
    metric = {"name": "x", "sum": {"isMonotonic": True, "aggregationTemporality": 1, "dataPoints": points}}
    (folder / "m.jsonl").write_text(json.dumps({"resourceMetrics": [{"scopeMetrics": [{"metrics": [metric]}]}]}))
    found = rows(opened(tmp_path), "select Value from samples order by Timestamp")
    assert found == [(1.0,), (3.0,), (6.0,)]


def test_a_change_in_a_log_record_is_a_change_and_a_log(tmp_path: Path, folder: Path) -> None:
    attributes = {
        "change.target": "db.example",
        "change.actor": "writer-c",
        "change.generation": "110",
        "change.answers": "0",
    }
    record = {
        "timeUnixNano": str(T0),
        "eventName": "record.delete",
        "body": {"stringValue": "cleaned up"},
        "attributes": [{"key": key, "value": {"stringValue": value}} for key, value in attributes.items()],
    }
    (folder / "logs.jsonl").write_text(json.dumps({"resourceLogs": [{"scopeLogs": [{"logRecords": [record]}]}]}))
    recording = opened(tmp_path)
    found = rows(recording, "select Kind, Target, Actor, Generation, Answers, Outcome, Detail from changes")
    assert found == [("record.delete", "db.example", "writer-c", 110, 0, "ok", "cleaned up")]
    assert rows(recording, "select EventName, Body from logs") == [("record.delete", "cleaned up")]


@pytest.mark.parametrize(
    ("line", "value", "nanos"),
    [
        ('probe_dns_answer_rrs{instance="a.b",job="dns"} 0 1795407354.411', 0.0, 1_795_407_354_411_000_000),
        (
            'http_requests_total{path="/a\\"},{b"} 3e2 1795407354411 # {trace_id="x"} 1',
            300.0,
            1_795_407_354_411_000_000,
        ),
        ("up 1 1795407354", 1.0, 1_795_407_354_000_000_000),
    ],
)
def test_metrics_text_with_timestamps(tmp_path: Path, folder: Path, line: str, value: float, nanos: int) -> None:
    (folder / "m.txt").write_text(f"# TYPE x gauge\n{line}\n# EOF\n")
    assert rows(opened(tmp_path), "select Value, epoch_ns(Timestamp) // 1000 * 1000 from samples") == [(value, nanos)]


def test_compressed_lines_are_read_across_frames(tmp_path: Path, folder: Path) -> None:
    with pa.output_stream(str(folder / "a.jsonl.zst"), compression="zstd") as stream:
        stream.write(traces_line(otlp_span()).encode() + b"\n")
    first = (folder / "a.jsonl.zst").read_bytes()
    with pa.output_stream(str(folder / "a.jsonl.zst"), compression="zstd") as stream:
        stream.write(traces_line(otlp_span(spanId="aaaaaaaaaaaaaaaa")).encode() + b"\n")
    (folder / "a.jsonl.zst").write_bytes(first + (folder / "a.jsonl.zst").read_bytes())
    assert rows(opened(tmp_path), "select count(*) from spans") == [(2,)]


def test_parquet_with_missing_columns_zones_and_unsigned_durations(tmp_path: Path, folder: Path) -> None:
    table = pa.table(
        {
            "Timestamp": pa.array([T0], pa.timestamp("ns", "UTC")),
            "TraceId": ["a"],
            "SpanId": ["b"],
            "ParentSpanId": [""],
            "ServiceName": ["shop"],
            "Duration": pa.array([7], pa.uint64()),
            "PodName": ["shop-1"],
        }
    )
    pq.write_table(table, folder / "export.parquet")
    found = rows(
        opened(tmp_path),
        "select SpanKind, Duration - 8, ResourceAttributes['k8s.pod.name'],"
        " cardinality(SpanAttributes), Events from spans",
    )
    assert found == [("", -1, "shop-1", 0, [])]


def test_clickhouses_flattened_events_become_events(tmp_path: Path, folder: Path) -> None:
    names, maps = pa.list_(pa.string()), pa.list_(SPANS.field("SpanAttributes").type)
    table = pa.table(
        {
            **{name: ["a"] for name in ("TraceId", "SpanId", "ParentSpanId", "ServiceName")},
            "Timestamp": pa.array([T0], pa.timestamp("ns")),
            "Duration": [7],
            "Events.Timestamp": pa.array([[T0]], pa.list_(pa.timestamp("ns"))),
            "Events.Name": pa.array([["exception"]], names),
            "Events.Attributes": pa.array([[[("exception.type", "gaierror")]]], maps),
        }
    )
    pq.write_table(table, folder / "export.parquet")
    found = rows(opened(tmp_path), "select Events[1].Name, Events[1].Attributes['exception.type'] from spans")
    assert found == [("exception", "gaierror")]


def test_views_have_exactly_the_models_columns(tmp_path: Path, folder: Path) -> None:
    (folder / "traces.jsonl").write_text(traces_line(otlp_span()))
    recording = opened(tmp_path)
    for table, schema in TABLES.items():
        described = rows(recording, f"describe {table}")
        assert [row[0] for row in described] == schema.names


def test_a_recording_comes_back_as_it_was_written_and_the_same_bytes_each_time(tmp_path: Path) -> None:
    spans = pa.table(
        {
            "Timestamp": pa.array([T0], pa.timestamp("ns")),
            "TraceId": ["a"],
            "SpanId": ["b"],
            "ParentSpanId": [""],
            "SpanName": ["n"],
            "SpanKind": ["Server"],
            "ServiceName": ["s"],
            "Duration": [5],
            "StatusCode": ["Unset"],
            "StatusMessage": [""],
            "ResourceAttributes": pa.array([[("k", "v")]], SPANS.field("ResourceAttributes").type),
            "SpanAttributes": pa.array([[]], SPANS.field("SpanAttributes").type),
            "Events": pa.array([[]], SPANS.field("Events").type),
        }
    )
    contents: list[list[bytes]] = []
    for name in ("one", "two"):
        with RecordingWriter(tmp_path / name) as writer:
            writer.write("spans", spans)
        contents.append([path.read_bytes() for path in sorted((tmp_path / name).iterdir())])
    assert contents[0] == contents[1]
    connection = opened(tmp_path, tmp_path / "one").connect()
    assert connection.sql("from spans").to_arrow_table().cast(SPANS).to_pylist() == spans.cast(SPANS).to_pylist()
    assert summarize(connection).spans == 1
    connection.close()


def test_a_recording_that_fails_half_way_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(KeyError), RecordingWriter(tmp_path / "r") as writer:
        writer.write("no-such-table", pa.table({}))
    assert list(tmp_path.iterdir()) == []


def test_a_folder_of_something_else_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter1.txt").write_text("…")
    with pytest.raises(UsageError, match="not a recording"), RecordingWriter(tmp_path / "thesis"):
        pass
    assert (tmp_path / "thesis" / "chapter1.txt").exists()


BAD_FILES: dict[str, tuple[str, bytes, str]] = {
    "truncated parquet": ("x.parquet", b"PAR1 and then nothing", "x.parquet: is not a whole Parquet file"),
    "binary lines": ("x.jsonl", b"\x00\x01\x02\xff", "x.jsonl, line 1: is not OTLP JSON"),
    "half a line": ("x.jsonl", b'{"resourceSpans": [{"scopeSp', "x.jsonl, line 1: is not OTLP JSON"),
    "another program's lines": ("x.jsonl", b'{"hello": 1}', "line 1: has none of resourceSpans"),
    "wrong magic": ("x.jsonl.zst", b"not zstd at all", "cannot be read to its end as zstd"),
    "seconds for nanoseconds": (
        "x.jsonl",
        traces_line(otlp_span(startTimeUnixNano="1760940000")).encode(),
        "line 1: is not OTLP JSON (startTimeUnixNano 1760940000 is not a time in nanoseconds",
    ),
    "no timestamp": ("x.txt", b'up{job="a"} 1\n', "line 1: is not a metrics sample (it has no timestamp"),
    "time that is no number": ("x.prom", b"up 1 NaN\n", "line 1: is not a metrics sample"),
}


@pytest.mark.parametrize("case", BAD_FILES)
def test_bad_input_is_one_sentence_that_names_the_place(tmp_path: Path, folder: Path, case: str) -> None:
    name, content, sentence = BAD_FILES[case]
    (folder / name).write_bytes(content)
    with pytest.raises(UnreadableInput) as caught:
        opened(tmp_path)
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("case", BAD_FILES)
def test_with_skip_bad_the_good_file_beside_it_is_used_and_the_bad_one_listed(
    tmp_path: Path, folder: Path, case: str
) -> None:
    name, content, sentence = BAD_FILES[case]
    (folder / name).write_bytes(content)
    (folder / "good.jsonl").write_text(traces_line(otlp_span()))
    recording = opened(tmp_path, skip_bad=True)
    assert rows(recording, "select count(*) from spans") == [(1,)]
    assert [sentence in line for line in recording.skipped] == [True]


def test_good_lines_and_spans_of_a_bad_file_are_used(tmp_path: Path, folder: Path) -> None:
    good = traces_line(otlp_span())
    late = traces_line(otlp_span(spanId="bbbbbbbbbbbbbbbb"), otlp_span(startTimeUnixNano="1"))
    (folder / "x.jsonl").write_text("\n".join([good, late, "rubbish", good.replace("EEE1", "EEE2")]))
    recording = opened(tmp_path, skip_bad=True)
    found = rows(recording, "select SpanId from spans order by 1")
    assert found == [("bbbbbbbbbbbbbbbb",), ("eee19b7ec3c1b174",), ("eee29b7ec3c1b174",)]
    assert [", line 2:" in recording.skipped[0], ", line 3:" in recording.skipped[1]] == [True, True]


def test_a_parquet_of_other_columns_names_what_is_missing_and_what_was_found(tmp_path: Path, folder: Path) -> None:
    pq.write_table(pa.table({"Timestamp": [1], "Colour": ["red"]}), folder / "x.parquet")
    with pytest.raises(UnreadableInput, match=r"missing TraceId, SpanId.*found Colour, Timestamp"):
        opened(tmp_path)


def test_an_endless_line_is_refused_in_bounded_memory(tmp_path: Path, folder: Path) -> None:
    (folder / "x.jsonl").write_bytes(b"x" * 20_000_000)
    (tmp_path / "s").mkdir()
    with pytest.raises(UnreadableInput, match="line 1: a line may have 1,000 bytes"):
        open_recording([folder], scratch=tmp_path / "s", max_line_bytes=1000)


def test_an_empty_folder_and_a_missing_one(tmp_path: Path, folder: Path) -> None:
    with pytest.raises(UnreadableInput, match="holds no telemetry"):
        opened(tmp_path)
    with pytest.raises(UsageError, match="no such file or folder"):
        opened(tmp_path, tmp_path / "nowhere")


def test_samples_without_spans_are_enough(tmp_path: Path, folder: Path) -> None:
    (folder / "m.txt").write_text("up 1 1795407354\nup NaN 1795407355\n")
    recording = opened(tmp_path)
    assert rows(recording, "select count(*), count_if(isnan(Value)) from samples") == [(2, 1)]
    assert rows(recording, "select count(*) from spans") == [(0,)]


def test_a_copied_file_is_counted_once_and_said(tmp_path: Path, folder: Path) -> None:
    for name in ("a.txt", "b.txt"):
        (folder / name).write_text("up 1 1795407354\n")
    recording = opened(tmp_path, folder, folder / "a.txt")
    assert rows(recording, "select count(*) from samples") == [(1,)]
    assert len(recording.ignored) == 2


def test_truth_is_never_read_as_telemetry(tmp_path: Path, folder: Path) -> None:
    (folder / "truth.json").write_text('{"root_component": "x"}')
    (folder / "traces.jsonl").write_text(traces_line(otlp_span()))
    recording = opened(tmp_path)
    assert [path.name for found in recording.files.values() for path in found] == ["spans-0000.parquet"]
    assert any("truth.json" in line for line in recording.ignored)
