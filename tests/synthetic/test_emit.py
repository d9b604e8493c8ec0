"""A world played live: what a receiver and a scraper get tells of the same outage."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pytest
from prometheus_client import CollectorRegistry, start_http_server

from epicenter.collector.recording import open_recording
from epicenter.pipeline import analyze_paths
from epicenter.synthetic import History
from epicenter.synthetic.telemetry.exposition import WorldMetrics
from epicenter.synthetic.telemetry.live import Played, WallClock, play
from epicenter.synthetic.telemetry.sdk import Tally

from .received import START_WALL, Calendar, LeapingClock, Sink, sink, write_otlp
from .toy_history import OUTAGE, START, TICK_S, toy_history

HOURS = 4.0  # until 03:00: calm, the empty record, its repair, and the caches' recovery
SPANS_PER_SECOND = 1.5
SPEED = 600.0
DYNAMODB = "dynamodb.us-east-1.amazonaws.com"


@dataclass(frozen=True)
class Show:
    history: History
    played: Played
    received: Sink
    clock: LeapingClock
    files: list[Path]


@pytest.fixture(scope="module")
def show(flagship: History, tmp_path_factory: pytest.TempPathFactory) -> Show:
    folder = tmp_path_factory.mktemp("received")
    calendar = Calendar(flagship.start, SPEED)
    registry = CollectorRegistry()
    server, thread = start_http_server(0, "127.0.0.1", registry)
    with sink() as received:
        clock = LeapingClock(calendar, f"http://127.0.0.1:{server.server_port}/metrics", received)
        played = play(
            flagship,
            otlp=received.url,
            registry=registry,
            speed=SPEED,
            spans_per_second=SPANS_PER_SECOND,
            seed=1,
            clock=clock,
            until=flagship.start + 3600.0 * HOURS,
        )
        clock.scrape()
    server.shutdown()
    server.server_close()
    thread.join()
    (folder / "metrics.prom").write_text("\n".join(clock.scraped) + "\n")
    return Show(flagship, played, received, clock, [*write_otlp(received, calendar, folder), folder / "metrics.prom"])


@pytest.fixture(scope="module")
def connection(show: Show, tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    with open_recording(show.files, scratch=tmp_path_factory.mktemp("scratch")).connect() as connection:
        yield connection


def test_everything_that_was_sent_arrives(show: Show, connection: duckdb.DuckDBPyConnection) -> None:
    assert show.played.dropped == 0
    assert show.played.spans == show.received.spans == pytest.approx(SPANS_PER_SECOND * 3600.0 * HOURS, rel=0.5)
    end = show.history.start + 3600.0 * HOURS
    assert show.played.until == end
    changes = [change for change in show.history.changes if change.time < end]
    assert show.played.changes == len(changes)
    rows = connection.execute("select Kind, Target, Actor, Generation, Answers, Outcome from changes").fetchall()
    expected = [(c.kind, c.target, c.actor, c.generation, c.answers, c.outcome) for c in changes]
    assert sorted(rows, key=str) == sorted(expected, key=str)


def test_failures_arrive_at_their_time_and_on_their_edge(show: Show, connection: duckdb.DuckDBPyConnection) -> None:
    start, end = show.history.truth.trigger
    rows = connection.execute(
        f"""select epoch_ns(Timestamp) / 1e9 from spans where ServiceName = 'food-ordering' and SpanKind = 'Client'
        and SpanAttributes['http.url'] like '%{DYNAMODB}%' and StatusMessage like '%Failed to resolve%'"""
    ).fetchall()
    times = [float(row[0]) for row in rows]
    assert len(times) > 100
    assert 0 <= min(times) - start < 300  # positive caches and pooled connections hide it at first
    assert 0 < max(times) - end < 900  # negative caching: RFC 2308


def test_what_was_received_explains_the_outage(show: Show) -> None:
    analysis, _ = analyze_paths(show.files)
    trigger = analysis.incidents[0].trigger
    assert (trigger.component, trigger.kind) == (DYNAMODB, "dns.empty_record")
    assert abs(trigger.started_at - show.history.truth.trigger[0]) <= 120


def test_metrics_are_scraped_in_step_with_the_world(show: Show, connection: duckdb.DuckDBPyConnection) -> None:
    (furthest,) = connection.execute(
        """select max(abs(Value - epoch_ns(Timestamp) / 1e9)) from samples
        where Name = 'epicenter_emit_world_time_seconds'"""
    ).fetchall()[0]
    assert furthest < 1.0
    (least,) = connection.execute(
        f"""select min(epoch_ns(Timestamp) / 1e9) from samples
        where Name = 'probe_dns_answer_rrs' and Value = 0 and Labels['instance'] = '{DYNAMODB}'"""
    ).fetchall()[0]
    assert 0 <= least - show.history.truth.trigger[0] < 300


def test_counters_count_all_requests_of_the_world(show: Show, connection: duckdb.DuckDBPyConnection) -> None:
    (served,) = connection.execute(
        """select sum(most) from (select max(Value) as most from samples
        where Name = 'http_server_request_duration_seconds_count' and Labels['job'] = 'banking' group by Labels)"""
    ).fetchall()[0]
    ticks = round(3600.0 * HOURS / show.history.tick_s)
    asked = show.history.arrivals[:ticks, show.history.service("banking")].sum()
    assert served == pytest.approx(asked, rel=0.005)


class _Stopwatch(LeapingClock):
    """Presses Ctrl-C after a while."""

    def sleep(self, seconds: float) -> None:
        self.wall += seconds
        if self.wall > START_WALL + 100.0:
            raise KeyboardInterrupt


def test_ctrl_c_ends_the_show_and_a_dead_receiver_is_counted(dead_end: str) -> None:
    history = toy_history()
    clock = _Stopwatch(Calendar(START, 10.0), "", Sink())
    registry = CollectorRegistry()
    played = play(history, otlp=dead_end, registry=registry, speed=10.0, spans_per_second=2.0, seed=1, clock=clock)
    assert played.until == pytest.approx(START + 1000.0, abs=20.0)
    assert played.spans > 1000
    assert played.dropped == played.spans
    assert registry.get_sample_value("epicenter_emit_spans_dropped_total") == played.spans


def test_a_counter_restarts_with_its_service() -> None:
    moment = [START]
    registry = CollectorRegistry()
    registry.register(WorldMetrics(toy_history(), lambda: moment[0], 60.0, Tally()))
    labels = {"http_request_method": "POST", "http_response_status_code": "200", "http_route": "/checkout"}

    def served(at: float) -> float:
        moment[0] = at
        return (
            registry.get_sample_value("http_server_request_duration_seconds_count", {**labels, "job": "checkout"}) or 0
        )

    restart = START + TICK_S * OUTAGE.stop
    early, before, after = served(START + 15.0), served(restart - 15.0), served(restart + 15.0)
    assert early < before
    assert after < before


def test_the_real_clock_goes_on() -> None:
    clock = WallClock()
    before = clock.now()
    clock.sleep(0.001)
    assert clock.now() > before


def test_the_documented_metrics_are_those_exposed(flagship: History) -> None:
    page = (Path(__file__).parents[2] / "docs" / "emit.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \|([^|]*)\|", page, re.MULTILINE)
    documented = {name: (kind, set(re.findall(r"`(\w+)`", labels))) for name, kind, labels in rows}
    exposed: dict[str, tuple[str, set[str]]] = {}
    for metric in WorldMetrics(flagship, lambda: flagship.end, 60.0, Tally()).collect():
        name = f"{metric.name}_total" if metric.type == "counter" else metric.name
        labels = {label for sample in metric.samples for label in sample.labels} - {"le"}
        exposed[name] = (metric.type, labels)
        assert metric.documentation
    assert documented == exposed
