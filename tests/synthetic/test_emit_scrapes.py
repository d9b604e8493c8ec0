"""What a scraper of `epicenter emit` may rely on: counters that count the world's books, and exemplars that lead on."""

from __future__ import annotations

import pyarrow as pa
import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import generate_latest
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics
from prometheus_client.parser import text_string_to_metric_families

from epicenter.synthetic.telemetry import sdk
from epicenter.synthetic.telemetry.exemplars import Exemplars
from epicenter.synthetic.telemetry.exposition import STEP_S, WorldMetrics
from epicenter.synthetic.telemetry.mix import DEFAULT, MIXES, Mix
from epicenter.synthetic.telemetry.ready import ready_spans
from epicenter.synthetic.telemetry.sdk import Sender, Tally
from epicenter.synthetic.telemetry.spans import span_source
from epicenter.synthetic.telemetry.target import target_of

from .received import sink
from .toy_history import START, TICK_S, toy_history

FAMILY = "http_server_request_duration_seconds"
RESTARTED = "checkout"  # whose counters begin anew in the middle

Series = dict[tuple[str, frozenset[tuple[str, str]]], float]


class Wall:
    """A clock that a test sets, and what is scraped at that moment."""

    def __init__(self, exemplars: Exemplars | None = None, mix: Mix = DEFAULT) -> None:
        self.world, self.registry, self.history = START, CollectorRegistry(), toy_history()
        self.registry.register(
            WorldMetrics(self.history, lambda: self.world, 60.0, Tally(), mix.metrics, exemplars or Exemplars())
        )

    def counted(self, at: float) -> Series:
        """Counters and parts of histograms, as a Prometheus reads them."""
        self.world = at
        families = text_string_to_metric_families(generate_latest(self.registry).decode())
        return {
            (sample.name, frozenset(sample.labels.items())): sample.value
            for family in families
            if family.type in ("counter", "histogram")
            for sample in family.samples
            if sample.labels.get("job") != RESTARTED
        }


def test_counters_only_rise_and_nothing_that_was_there_goes() -> None:
    wall = Wall()
    before = wall.counted(START + 15.0)
    assert before
    for minute in range(1, 40):
        now = wall.counted(START + 60.0 * minute)
        assert {key: value for key, value in before.items() if now.get(key, -1.0) < value} == {}
        before = now


def test_a_clock_that_is_set_back_takes_nothing_from_a_counter() -> None:
    wall = Wall()
    assert wall.counted(START + 1200.0) == wall.counted(START + 600.0)


@pytest.mark.parametrize("seconds", [75.0, 600.0, 1234.0, 2400.0])
def test_a_scrape_tells_what_stands_in_the_books_at_that_moment(seconds: float) -> None:
    wall = Wall()
    counted = wall.counted(START + seconds)
    ticks = int(seconds // STEP_S * STEP_S // TICK_S)
    asked = wall.history.arrivals[:ticks, wall.history.service("shop")].sum()
    served = [
        value for (name, labels), value in counted.items() if name == f"{FAMILY}_count" and ("job", "shop") in labels
    ]
    assert sum(served) == pytest.approx(asked, abs=len(served))  # each series tells whole requests only


def test_the_buckets_of_a_histogram_rise_to_its_count() -> None:
    counted = Wall().counted(START + 2000.0)
    of_one: dict[tuple[str, frozenset[tuple[str, str]]], list[tuple[float, float]]] = {}
    for (name, labels), value in counted.items():
        said = dict(labels)
        if name.endswith("_bucket"):
            bound = float(said.pop("le"))
            of_one.setdefault((name.removesuffix("_bucket"), frozenset(said.items())), []).append((bound, value))
    assert of_one
    for (name, labels), buckets in of_one.items():
        heights = [height for _, height in sorted(buckets)]
        assert heights == sorted(heights)
        assert heights[-1] == counted[f"{name}_count", labels]
        assert counted[f"{name}_sum", labels] >= 0


@pytest.mark.parametrize("mix", ["default", "otel-new", "otel-old", "mesh", "aws"])
def test_exemplars_are_of_what_the_receiver_took_and_fall_into_their_buckets(mix: str) -> None:
    exemplars, tally = Exemplars(), Tally()
    wall = Wall(exemplars, MIXES[mix])
    wall.world = START + 2000.0
    source = span_source(wall.history, spans_per_second=5.0, seed=1, mix=MIXES[mix])
    with sink() as received:
        sender = Sender(target_of(received.url), tally, delivered=exemplars.note)
        for span in ready_spans(source.draw(range(100))):
            sender.span(span, span.start_ns)
        sender.close()
    sent = {span.span_id.hex(): span for span in received.each_span()}
    assert tally.dropped == 0
    assert len(sent) == tally.delivered > 100
    shown = [sample for metric in wall.registry.collect() for sample in metric.samples if sample.exemplar]
    services = {
        sample.labels.get("job") or sample.labels.get("service_name") or sample.labels["service"] for sample in shown
    }
    assert services >= {"shop", "checkout"}
    for sample in shown:
        assert sample.exemplar is not None
        span = sent[sample.exemplar.labels["span_id"]]
        per_second = 1e3 if "milliseconds" in sample.name else 1.0
        assert sample.exemplar.labels["trace_id"] == span.trace_id.hex()
        seconds = (span.end_time_unix_nano - span.start_time_unix_nano) / 1e9
        assert sample.exemplar.value == seconds * per_second <= float(sample.labels["le"])
        assert sample.exemplar.timestamp == span.start_time_unix_nano / 1e9
        assert sample.labels.get("span_name", span.name) == span.name
    assert generate_openmetrics(wall.registry).endswith(b"# EOF\n")


def test_what_no_receiver_took_is_no_exemplar_and_the_count_of_the_dropped_only_rises(
    monkeypatch: pytest.MonkeyPatch, dead_end: str
) -> None:
    monkeypatch.setattr(sdk, "QUEUE_SPANS", 2048)
    exemplars, tally = Exemplars(), Tally()
    wall = Wall(exemplars)
    wall.world = START + 2000.0
    source = span_source(wall.history, spans_per_second=8.0, seed=1)
    sender, seen = Sender(target_of(dead_end), tally, delivered=exemplars.note), [0]
    spans = ready_spans(source.draw(range(60)))
    for _ in range(1 + sdk.QUEUE_SPANS // len(spans)):
        for span in spans:
            sender.span(span, span.start_ns)
            seen.append(tally.dropped)
    sender.close()
    assert seen == sorted(seen)
    assert seen[-1] > 0  # visible while it plays, not only at the end
    assert tally.dropped == tally.spans
    assert not any(sample.exemplar for metric in wall.registry.collect() for sample in metric.samples)


def test_spans_are_made_ready_as_their_rows_say() -> None:
    table = span_source(toy_history(), spans_per_second=20.0, seed=3).draw(range(95, 125))  # calm, then the outage
    ready = ready_spans(table)
    times = [int(at) for at in table.column("Timestamp").cast(pa.int64()).to_pylist()]
    rows = table.drop_columns(["Timestamp", "Events"]).to_pylist()
    assert any(span.events for span in ready)
    for span, row, at, events in zip(ready, rows, times, table.column("Events"), strict=True):
        assert f"{span.trace_id:032x}" == row["TraceId"]
        assert f"{span.span_id:016x}" == row["SpanId"]
        assert (f"{span.parent_id:016x}" if span.parent_id else "") == row["ParentSpanId"]
        assert (span.name, span.kind.name.capitalize()) == (row["SpanName"], row["SpanKind"])
        assert (span.start_ns, span.duration_ns) == (at, row["Duration"])
        assert span.status.is_ok == (row["StatusCode"] != "Error")
        assert (span.status.description or "") == row["StatusMessage"]
        assert list(span.attributes.items()) == row["SpanAttributes"]
        assert list(span.resource.items()) == row["ResourceAttributes"]
        assert [(event.name, event.time_ns) for event in span.events] == [
            (event["Name"].as_py(), event["Timestamp"].value) for event in events
        ]
