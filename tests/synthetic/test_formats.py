"""Every format tells the same of a world: what the collector reads out of it is what it reads out of Parquet."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from google.protobuf.json_format import Parse
from google.protobuf.message import Message
from opentelemetry.proto.logs.v1.logs_pb2 import LogsData
from opentelemetry.proto.metrics.v1.metrics_pb2 import MetricsData
from opentelemetry.proto.trace.v1.trace_pb2 import TracesData

from epicenter.cli.simulate import FORMATS as OFFERED
from epicenter.collector.errors import UnreadableInput, UsageError
from epicenter.collector.recording import open_recording
from epicenter.pipeline import analyze_paths
from epicenter.rules.worlds import METRICS
from epicenter.synthetic.formats import FORMATS
from epicenter.synthetic.formats.batches import BATCH_ITEMS
from epicenter.synthetic.telemetry.metrics import families
from epicenter.synthetic.telemetry.mix import DEFAULT
from epicenter.synthetic.telemetry.record import record
from epicenter.synthetic.world.history import Series

from .dialects import rich_history
from .toy_history import OUTAGE, START, TICK_S, toy_history

Folders = dict[str, Path]
Rows = list[tuple[Any, ...]]

SPANS = """select epoch_ns(Timestamp), TraceId, SpanId, ParentSpanId, SpanName, SpanKind, ServiceName, Duration,
    StatusCode, StatusMessage, list_sort(map_entries(ResourceAttributes))::text,
    list_sort(map_entries(SpanAttributes))::text, Events::text from spans order by all"""
CHANGES = (
    "select epoch_ns(Timestamp), Kind, Target, Actor, Generation, Answers, Outcome, Detail from changes order by 1"
)
SAMPLES = "select epoch_ns(Timestamp), Name, Labels, Value from samples"


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Folders:
    """The same world and seed in each format; a client that words its failures in exception events."""
    folder = tmp_path_factory.mktemp("formats")
    world = toy_history("python-aiohttp")
    return {
        name: record(world, folder / name, spans_per_second=8.0, seed=5, file_format=name, scrape_s=60.0)
        for name in FORMATS
    }


def read(folder: Path, scratch: Path, query: str) -> Rows:
    scratch.mkdir(exist_ok=True)
    with open_recording([folder], scratch=scratch).connect() as connection:
        return connection.execute(query).fetchall()


def series(rows: Rows, *, otlp: bool = False) -> dict[tuple[Any, ...], float]:
    """Samples by time, name and labels; an empty label is none, and 1.0 is the same bound as 1.

    otlp: as they are after the translation, in which a service goes by its name too.
    """
    found: dict[tuple[Any, ...], float] = {}
    for time, name, labels, value in rows:
        kept = {key: str(float(text)) if key == "le" else text for key, text in labels.items() if text}
        if otlp and "job" in kept:
            kept.setdefault("service_name", kept["job"].rpartition("/")[2])
        found[time, name, tuple(sorted(kept.items()))] = value
    assert len(found) == len(rows)
    return found


def test_the_command_offers_the_formats_that_there_are() -> None:
    assert tuple(FORMATS) == OFFERED


@pytest.mark.parametrize("name", ["otlp-json", "openmetrics"])
def test_spans_and_changes_are_the_same_as_in_parquet(written: Folders, tmp_path: Path, name: str) -> None:
    for query in (SPANS, CHANGES):
        expected = read(written["parquet"], tmp_path, query)
        assert len(expected) > 1
        assert read(written[name], tmp_path, query) == expected


def test_samples_of_otlp_are_those_of_parquet_after_the_translation(written: Folders, tmp_path: Path) -> None:
    expected = series(read(written["parquet"], tmp_path, SAMPLES), otlp=True)
    assert len(expected) > 5000
    assert series(read(written["otlp-json"], tmp_path, SAMPLES)) == expected


def test_samples_of_openmetrics_are_those_of_parquet(written: Folders, tmp_path: Path) -> None:
    expected = series(read(written["parquet"], tmp_path, SAMPLES))
    assert series(read(written["openmetrics"], tmp_path, SAMPLES)) == expected


@pytest.mark.parametrize("name", ["otlp-json", "openmetrics"])
def test_the_analysis_finds_the_same_incident(written: Folders, name: str) -> None:
    (expected,) = analyze_paths([written["parquet"]])[0].incidents
    (found,) = analyze_paths([written[name]])[0].incidents
    assert expected.trigger.component == "dynamodb.us-east-1.amazonaws.com"
    assert found.trigger == expected.trigger
    assert found.dns == expected.dns


@pytest.mark.parametrize("name", ["otlp-json", "openmetrics"])
def test_the_same_seed_gives_the_same_bytes(written: Folders, tmp_path: Path, name: str) -> None:
    world = toy_history("python-aiohttp")
    again = record(world, tmp_path / "r", spans_per_second=8.0, seed=5, file_format=name, scrape_s=60.0)
    names = sorted(path.name for path in again.iterdir())
    assert names == sorted(path.name for path in written[name].iterdir())
    for file in names:
        assert (again / file).read_bytes() == (written[name] / file).read_bytes()


@pytest.mark.parametrize(
    ("file", "message"), [("traces.jsonl", TracesData), ("metrics.jsonl", MetricsData), ("logs.jsonl", LogsData)]
)
def test_each_line_is_a_message_of_the_protocol_and_no_field_is_unknown(
    written: Folders, file: str, message: type[Message]
) -> None:
    with (written["otlp-json"] / file).open(encoding="utf-8") as lines:
        for line in lines:
            Parse(line, message())


def items(folder: Path, signal: str, of_line: str) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """For each line and resource the items: spans or metrics."""
    file = {"Spans": "traces.jsonl", "Metrics": "metrics.jsonl"}[signal]
    with (folder / file).open(encoding="utf-8") as lines:
        for line in lines:
            for entry in json.loads(line)[f"resource{signal}"]:
                (scope,) = entry[f"scope{signal}"]
                yield json.dumps(entry["resource"]), scope[of_line]


def test_a_line_is_a_full_batch_in_which_each_resource_comes_once(written: Folders) -> None:
    sizes: list[int] = []
    with (written["otlp-json"] / "traces.jsonl").open(encoding="utf-8") as lines:
        for line in lines:
            entries = json.loads(line)["resourceSpans"]
            resources = [json.dumps(entry["resource"]) for entry in entries]
            assert len(set(resources)) == len(resources)
            sizes.append(sum(len(scope["spans"]) for entry in entries for scope in entry["scopeSpans"]))
    assert max(sizes) == BATCH_ITEMS
    assert len(sizes) == pytest.approx(sum(sizes) / BATCH_ITEMS, abs=2)


def test_ids_are_hex_enums_integers_and_long_numbers_text(written: Folders) -> None:
    spans = [span for _, found in items(written["otlp-json"], "Spans", "spans") for span in found]
    for span in spans:
        assert (len(bytes.fromhex(span["traceId"])), len(bytes.fromhex(span["spanId"]))) == (16, 8)
        assert span["kind"] in (1, 2, 3)
        assert int(span["endTimeUnixNano"]) > int(span["startTimeUnixNano"])
        assert isinstance(span["endTimeUnixNano"], str)
    assert {span["status"].get("code") for span in spans} == {None, 2}
    values = {kind for span in spans for entry in span["attributes"] for kind in entry["value"]}
    assert values == {"stringValue", "intValue"}
    assert any(event["name"] == "exception" for span in spans for event in span.get("events", ()))


def metrics(folder: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    for resource, found in items(folder, "Metrics", "metrics"):
        yield from ((resource, metric) for metric in found)


def test_histograms_are_whole_and_named_as_opentelemetry_names_them(written: Folders) -> None:
    seen: set[str] = set()
    for _, metric in metrics(written["otlp-json"]):
        if "histogram" not in metric:
            continue
        seen.add(f"{metric['name']} {metric['unit']}")
        assert metric["histogram"]["aggregationTemporality"] == 2
        for point in metric["histogram"]["dataPoints"]:
            assert len(point["bucketCounts"]) == len(point["explicitBounds"]) + 1
            assert sum(map(int, point["bucketCounts"])) == int(point["count"])
            assert min(map(int, point["bucketCounts"])) >= 0
    ours = {"http.server.request.duration s", "http.client.request.duration s", "dns.lookup.duration s"}
    # an exporter's own names stay as they are: a collector that scrapes it does not translate them
    scraped = {"coredns_dns_request_duration_seconds ", "coredns_forward_request_duration_seconds "}
    assert seen == ours | scraped


def test_a_restart_begins_a_new_start_time(written: Folders) -> None:
    starts: dict[bool, set[int]] = {True: set(), False: set()}
    for resource, metric in metrics(written["otlp-json"]):
        for point in metric.get("histogram", {}).get("dataPoints", ()):
            assert int(point["startTimeUnixNano"]) <= int(point["timeUnixNano"])
            starts['"checkout"' in resource].add(int(point["startTimeUnixNano"]) // 10**9)
    restart = START + TICK_S * OUTAGE.stop
    first, second = sorted(starts[True])
    assert starts[False] == {START}
    assert first == START
    assert restart - 60.0 <= second <= restart


@pytest.mark.parametrize("name", ["otlp-json", "openmetrics"])
def test_series_that_are_odd_come_back_too(tmp_path: Path, name: str) -> None:
    world = toy_history()
    late = np.where(np.arange(world.ticks) < 100, np.nan, 1.5)
    odd = (
        Series("load", {"job": "ns/a", "instance": 'i"\n\\'}, "gauge", late),
        Series("load", {"job": "b", "nothing": ""}, "gauge", np.full(world.ticks, -np.inf)),
        Series("load", {}, "gauge", np.linspace(-1e-9, 1e300, world.ticks)),
        Series("envoy_cluster_upstream_rq_retry", {"service_name": "z"}, "counter", np.arange(world.ticks) / 1.0),
    )
    world = replace(world, series=odd)
    for kind in ("parquet", name):
        record(world, tmp_path / kind, spans_per_second=0.1, seed=5, scrape_s=60.0, file_format=kind)
    expected = series(read(tmp_path / "parquet", tmp_path / "s", SAMPLES), otlp=name == "otlp-json")
    if name == "otlp-json":  # the translation gives every counter its ending
        retry = "envoy_cluster_upstream_rq_retry"
        expected = {(at, n + "_total" * (n == retry), labels): value for (at, n, labels), value in expected.items()}
    assert series(read(tmp_path / name, tmp_path / "s", SAMPLES)) == expected
    assert any(np.isinf(value) for value in expected.values())


def test_all_that_rules_are_played_over_comes_back(tmp_path: Path) -> None:
    world, mix = rich_history(), replace(DEFAULT, metrics=METRICS)
    bare = {family.name for family in families(world, 60.0, METRICS) if family.kind == "counter"}
    for name in FORMATS:
        record(world, tmp_path / name, spans_per_second=0.1, seed=5, scrape_s=60.0, file_format=name, mix=mix)
    told = {name: read(tmp_path / name, tmp_path / "s", SAMPLES) for name in FORMATS}
    assert series(told["openmetrics"]) == series(told["parquet"])
    expected = series(told["parquet"], otlp=True)
    # the translation gives every counter its ending
    ended = {name: f"{name.removesuffix('_total')}_total" for name in bare}
    assert series(told["otlp-json"]) == {(at, ended.get(n, n), of): value for (at, n, of), value in expected.items()}


def test_a_lost_file_or_half_a_file_is_noticed(written: Folders, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(written["otlp-json"], copy)
    whole = (copy / "traces.jsonl").read_bytes()
    (copy / "traces.jsonl").write_bytes(whole[: whole.index(b"\n") + 1])
    with pytest.raises(UnreadableInput, match=r"manifest.json: promises [0-9,]+ bytes of traces.jsonl"):
        read(copy, tmp_path / "s", SPANS)
    (copy / "traces.jsonl").unlink()
    with pytest.raises(UnreadableInput, match=r"manifest.json: promises traces.jsonl, and it is not there"):
        read(copy, tmp_path / "s", SPANS)


def test_a_format_that_there_is_not_is_said_with_those_that_there_are(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no format 'csv'; the formats are parquet, otlp-json, openmetrics"):
        record(toy_history(), tmp_path / "r", seed=0, file_format="csv")
    assert list(tmp_path.iterdir()) == []
