"""Parquet of other makers is read as it is."""

from __future__ import annotations

import math
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from epicenter.collector.errors import UnreadableInput
from epicenter.collector.model import TABLES
from epicenter.pipeline import analyze_paths
from tests.collector.handed_over import T0, opened, otlp_span, rows, traces_line

NS = pa.timestamp("ns")
TEXTS = pa.map_(pa.string(), pa.string())


def written(path: Path, **columns: object) -> Path:
    pq.write_table(pa.table(columns), path)
    return path


def spans(path: Path, **columns: object) -> Path:
    """A file of one span with the required columns and `columns`."""
    texts = {name: [name[0].lower()] for name in ("TraceId", "SpanId", "ParentSpanId", "ServiceName")}
    return written(path, **({"Timestamp": pa.array([T0], NS), "Duration": [7]} | texts | columns))


def test_views_have_exactly_the_models_columns_types_and_order(tmp_path: Path) -> None:
    (tmp_path / "t.jsonl").write_text(traces_line(otlp_span()))
    for path in (spans(tmp_path / "foreign.parquet"), tmp_path / "t.jsonl"):
        with opened(tmp_path / "s", path).connect() as connection:
            for table, schema in TABLES.items():
                assert connection.sql(f"from {table}").to_arrow_table().schema.names == schema.names
                assert connection.sql(f"from {table}").to_arrow_table().cast(schema).schema == schema


def test_columns_that_are_missing_are_empty(tmp_path: Path) -> None:
    query = """select SpanName, SpanKind, StatusCode, StatusMessage, ResourceAttributes, SpanAttributes, Events
        from spans"""
    assert rows(opened(tmp_path / "s", spans(tmp_path / "x.parquet")), query) == [("", "", "", "", {}, {}, [])]


def test_nulls_are_empty_too(tmp_path: Path) -> None:
    nulls = {"SpanKind": pa.array([None], pa.string()), "SpanAttributes": pa.array([None], TEXTS)}
    path = spans(tmp_path / "x.parquet", ParentSpanId=pa.array([None], pa.string()), **nulls)
    found = rows(opened(tmp_path / "s", path), "select ParentSpanId, SpanKind, SpanAttributes from spans")
    assert found == [("", "", {})]


@pytest.mark.parametrize(
    ("duration", "expected"),
    [
        (pa.array([7], pa.uint64()), 7),
        (pa.array([2**64 - 5], pa.uint64()), 0),  # what -5 becomes without a sign: the clock was set back
        (pa.array([-5], pa.int64()), 0),
        (pa.array([7.0]), 7),
    ],
)
def test_durations_of_any_type(tmp_path: Path, duration: pa.Array, expected: int) -> None:
    path = spans(tmp_path / "x.parquet", Duration=duration)
    found = rows(opened(tmp_path / "s", path), "select Duration, Duration - 8 from spans")
    assert found == [(expected, expected - 8)]


@pytest.mark.parametrize(
    "time",
    [
        pa.array([T0], pa.timestamp("ns", "UTC")),
        pa.array([T0], pa.timestamp("ns", "Europe/Helsinki")),
        pa.array([T0 // 1000], pa.timestamp("us")),
        pa.array([T0 // 1000], pa.timestamp("us", "UTC")),
        pa.array([T0 // 10**9], pa.timestamp("s")),
        pa.array([T0]),
        pa.array(["2025-10-20 06:00:00"]),
    ],
)
def test_times_of_any_type(tmp_path: Path, time: pa.Array) -> None:
    path = spans(tmp_path / "x.parquet", Timestamp=time)
    assert rows(opened(tmp_path / "s", path), "select epoch_ns(Timestamp) from spans") == [(T0,)]


def test_texts_that_the_model_does_not_know_become_resource_attributes(tmp_path: Path) -> None:
    path = spans(tmp_path / "x.parquet", PodName=["shop-1"], zone=["b"], ScopeName=["x"], empty=[""])
    found = rows(opened(tmp_path / "s", path), "select ResourceAttributes from spans")
    assert found == [({"k8s.pod.name": "shop-1", "zone": "b"},)]


def test_an_export_of_clickhouse_with_flattened_events_binary_texts_and_older_words(tmp_path: Path) -> None:
    times, names = pa.array([[T0, T0]], pa.list_(NS)), pa.array([["exception", "retry"]], pa.list_(pa.string()))
    maps = pa.array([[[("exception.type", "gaierror")], []]], pa.list_(TEXTS))
    path = spans(
        tmp_path / "otel_traces.parquet",
        ServiceName=pa.array([b"shop"], pa.binary()),
        SpanKind=["SPAN_KIND_CLIENT"],
        StatusCode=["STATUS_CODE_ERROR"],
        ResourceAttributes=pa.array([[("service.name", "shop")]], TEXTS),
        TraceState=[""],
        **{"Events.Timestamp": times, "Events.Name": names, "Events.Attributes": maps},
    )
    query = """select ServiceName, SpanKind, StatusCode, len(Events), Events[1].Name,
        Events[1].Attributes['exception.type'], ResourceAttributes from spans"""
    expected = ("shop", "Client", "Error", 2, "exception", "gaierror", {"service.name": "shop"})
    assert rows(opened(tmp_path / "s", path), query) == [expected]


@pytest.mark.parametrize(
    ("kind", "word"), [("Unspecified", ""), ("SPAN_KIND_UNSPECIFIED", ""), ("Server", "Server"), ("", "")]
)
def test_a_kind_that_was_not_recorded_is_empty(tmp_path: Path, kind: str, word: str) -> None:
    path = spans(tmp_path / "x.parquet", SpanKind=[kind])
    assert rows(opened(tmp_path / "s", path), "select SpanKind from spans") == [(word,)]


def test_a_long_table_of_metrics_becomes_samples(tmp_path: Path) -> None:
    path = written(
        tmp_path / "metrics.parquet",
        Timestamp=pa.array([T0 // 1000] * 3, pa.timestamp("us")),
        ServiceName=["ad", "ad", None],
        PodName=["ad-1", "", None],
        MetricName=["CpuUsage(m)", "up", "up"],
        Value=[1.5, float("nan"), None],
    )
    found = rows(opened(tmp_path / "s", path), "select Name, Labels, isnan(Value) from samples order by all")
    labels = {"k8s_pod_name": "ad-1", "service_name": "ad"}
    assert found == [("CpuUsage(m)", labels, False), ("up", {}, True), ("up", {"service_name": "ad"}, True)]


def test_files_of_several_shapes_are_read_as_one(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    spans(tmp_path / "in" / "a.parquet")
    spans(tmp_path / "in" / "b.parquet", SpanId=["2"], SpanName=["n"], Duration=pa.array([9], pa.uint64()))
    spans(tmp_path / "in" / "c 'd.parquet", SpanId=["3"])
    found = rows(opened(tmp_path / "s", tmp_path / "in"), "select SpanId, SpanName, Duration from spans order by all")
    assert found == [("2", "n", 9), ("3", "", 7), ("s", "", 7)]


def test_samples_of_two_files_that_overlap_are_counted_once(tmp_path: Path) -> None:
    lines = [f"up {value} {T0 // 10**9 + second}" for second, value in enumerate([1, 0, "NaN"])]
    (tmp_path / "a.prom").write_text("\n".join(lines))
    (tmp_path / "b.prom").write_text("\n".join([*lines, f"up 1 {T0 // 10**9 + 9}"]))
    recording = opened(tmp_path / "s", tmp_path / "a.prom", tmp_path / "b.prom")
    assert rows(recording, "select count(*), count_if(isnan(Value)) from samples") == [(4, 1)]


def test_other_columns_are_refused_with_what_is_missing_and_what_was_found(tmp_path: Path) -> None:
    path = written(tmp_path / "x.parquet", Timestamp=[1], TraceId=["a"], SpanId=["b"], Colour=["red"])
    with pytest.raises(UnreadableInput, match=r"missing ParentSpanId, ServiceName, Duration; found Colour, SpanId"):
        opened(tmp_path / "s", path)


def test_a_column_of_another_type_is_refused(tmp_path: Path) -> None:
    path = spans(tmp_path / "x.parquet", Timestamp=["yesterday"])
    with pytest.raises(UnreadableInput, match=r"x.parquet: cannot be read as spans \(.*yesterday"):
        opened(tmp_path / "s", path)


JSON_TEXTS = ['{"server.address": "stock.lan", "http.response.status_code": 503, "tags": ["a"]}', "", None]


def test_attributes_as_json_text_are_read(tmp_path: Path) -> None:
    texts = {name: ["a"] * 3 for name in ("TraceId", "SpanId", "ParentSpanId", "ServiceName")}
    path = spans(
        tmp_path / "x.parquet", **texts, Timestamp=pa.array([T0] * 3, NS), Duration=[1] * 3, SpanAttributes=JSON_TEXTS
    )
    found = rows(opened(tmp_path / "s", path), "select SpanAttributes from spans")
    told = {"server.address": "stock.lan", "http.response.status_code": "503", "tags": '["a"]'}
    assert found == [(told,), ({},), ({},)]


def test_numbers_as_text_and_whole_numbers_with_gaps_are_read(tmp_path: Path) -> None:
    assert rows(
        opened(tmp_path / "s", spans(tmp_path / "x.parquet", Duration=["7"])), "select Duration from spans"
    ) == [(7,)]
    path = written(
        tmp_path / "c.parquet", Timestamp=[T0] * 2, Kind=["deploy"] * 2, Target=["x"] * 2, Generation=[3.0, math.nan]
    )
    assert rows(opened(tmp_path / "s", path), "select Generation from changes") == [(3,), (None,)]


MISTYPED: dict[str, tuple[dict[str, object], str]] = {
    "attributes as other text": ({"SpanAttributes": ["a=b"]}, "column SpanAttributes: 1 of 1 rows hold neither a map"),
    "attributes as a JSON list": ({"SpanAttributes": ["[1]"]}, "column SpanAttributes: 1 of 1 rows hold neither a map"),
    "attributes as numbers": ({"ResourceAttributes": [1]}, "column ResourceAttributes: is of type BIGINT"),
    "events as text": ({"Events": ["[]"]}, "column Events: is of type VARCHAR"),
    "duration as words": ({"Duration": ["abc"]}, "column Duration: 1 of 1 rows hold text that is no number"),
    "duration NaN": ({"Duration": [math.nan]}, "column Duration: 1 of 1 rows hold no number"),
    "duration infinite": ({"Duration": [math.inf]}, "column Duration: 1 of 1 rows hold no number"),
    "duration as a list": ({"Duration": [[1]]}, "column Duration: is of type BIGINT[]"),
}  # fmt: skip


@pytest.mark.parametrize("case", MISTYPED)
def test_what_a_column_holds_instead_is_one_sentence_with_its_name(tmp_path: Path, case: str) -> None:
    columns, sentence = MISTYPED[case]
    (tmp_path / "in").mkdir()
    path = spans(tmp_path / "in" / "x.parquet", **columns)
    with pytest.raises(UnreadableInput) as caught:
        opened(tmp_path / "s", path)
    assert str(caught.value).startswith(f"{path}, {sentence}")
    spans(tmp_path / "in" / "good.parquet", SpanId=["good"])
    analysis, _ = analyze_paths([tmp_path / "in"], skip_bad=True)
    assert analysis.recording.spans == 1
    assert [sentence in line for line in analysis.recording.skipped] == [True]


def test_of_rows_with_and_without_a_duration_the_good_ones_are_used(tmp_path: Path) -> None:
    texts = {name: ["a"] * 3 for name in ("TraceId", "ParentSpanId", "ServiceName")}
    path = spans(
        tmp_path / "x.parquet",
        **texts,
        SpanId=["1", "2", "3"],
        Timestamp=pa.array([T0] * 3, NS),
        Duration=[1.0, math.nan, 3.0],
    )
    recording = opened(tmp_path / "s", path, skip_bad=True)
    assert rows(recording, "select SpanId, Duration from spans order by 1") == [("1", 1), ("3", 3)]


def test_a_value_that_is_text_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path / "x.parquet", Timestamp=[T0], Name=["up"], Value=["high"])
    with pytest.raises(UnreadableInput, match=r"column Value: 1 of 1 rows hold text that is no number"):
        opened(tmp_path / "s", path)


def test_rows_that_cannot_be_used_are_counted_and_with_skip_bad_left_out(tmp_path: Path) -> None:
    path = written(
        tmp_path / "x.parquet",
        Timestamp=pa.array([T0, 5, None, T0], NS),
        Duration=[1, 1, 1, 1],
        **{name: ["a"] * 4 for name in ("TraceId", "ParentSpanId", "ServiceName")},
        SpanId=["1", "2", "3", ""],
    )
    with pytest.raises(UnreadableInput, match=r"column Timestamp: 2 of 4 rows have no time between the years 2000"):
        opened(tmp_path / "s", path)
    recording = opened(tmp_path / "s", path, skip_bad=True)
    assert rows(recording, "select SpanId from spans") == [("1",)]
    assert ["Timestamp" in recording.skipped[0], "SpanId: 1 of 4 rows" in recording.skipped[1]] == [True, True]


def test_a_nan_among_numbers_is_still_seen(tmp_path: Path) -> None:
    values = [1.0, math.nan, 0.0]
    path = written(tmp_path / "x.parquet", Timestamp=pa.array([T0] * 3, NS), Name=["a", "b", "c"], Value=values)
    found = rows(opened(tmp_path / "s", path), "select count(*) from samples where isnan(Value)")
    assert found == [(1,)]
