"""Emit as people run it: over gRPC, to a receiver that comes late, under a real scrape, and ended by Ctrl-C."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.client import HTTPResponse

import pytest
from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics_families
from prometheus_client.parser import text_string_to_metric_families as text_families

from epicenter.synthetic.telemetry import sdk
from epicenter.synthetic.telemetry.live import play

from .received import START_WALL, Calendar, LeapingClock, Sink, grpc_sink, sink
from .toy_history import START, toy_history

SPEED = 10.0


@pytest.fixture(name="grpc_sink")
def _grpc_sink() -> Iterator[Sink]:
    with grpc_sink() as received:
        yield received


class PlainClock(LeapingClock):
    """Sleeping takes no time, and nobody scrapes."""

    def sleep(self, seconds: float) -> None:
        self.wall += seconds


def test_spans_and_changes_arrive_over_grpc_from_the_services_that_sent_them(grpc_sink: Sink) -> None:
    history = toy_history()
    played = play(
        history,
        otlp=grpc_sink.url,
        protocol="grpc",
        registry=CollectorRegistry(),
        speed=SPEED,
        spans_per_second=2.0,
        seed=1,
        clock=PlainClock(Calendar(START, SPEED), "", grpc_sink),
    )
    assert played.dropped == 0
    assert grpc_sink.spans == played.spans > 1000
    senders = {
        attribute.value.string_value
        for request in grpc_sink.traces
        for resource in request.resource_spans
        for attribute in resource.resource.attributes
        if attribute.key == "service.name"
    }
    assert {"shop", "checkout", "ticker"} <= senders
    assert played.changes == 2


@dataclass
class _Door(LeapingClock):
    """Nobody listens at first; a third of the way the receiver opens, and the show waits for what it gets then."""

    opens: threading.Event = field(default_factory=threading.Event)
    registry: CollectorRegistry = field(default_factory=CollectorRegistry)
    dropped_by_then: float = 0.0
    reached_by_then: float = 0.0

    def value(self, name: str) -> float:
        value = self.registry.get_sample_value(name)
        assert value is not None
        return value

    def sleep(self, seconds: float) -> None:
        self.wall += seconds
        if self.wall > START_WALL + 80.0 and not self.opens.is_set():
            self.dropped_by_then = self.value("epicenter_emit_spans_dropped_total")
            self.reached_by_then = self.value("epicenter_emit_world_time_seconds")
            self.opens.set()
            with self.receiver.arrived:
                assert self.receiver.arrived.wait_for(lambda: self.receiver.spans > 0, timeout=60)
        elif self.opens.is_set():  # as far behind as real time would leave it
            with self.receiver.arrived:
                sent = self.value("epicenter_emit_spans_total") - self.dropped_by_then
                assert self.receiver.arrived.wait_for(lambda: sent - self.receiver.spans < sdk.QUEUE_SPANS, timeout=60)


def test_a_receiver_that_comes_late_costs_what_it_missed_and_not_the_pace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sdk, "QUEUE_SPANS", 2048)
    opens, notices, registry = threading.Event(), list[str](), CollectorRegistry()
    with sink(late=opens) as received:
        clock = _Door(Calendar(START, SPEED), "", received, opens=opens, registry=registry)
        played = play(
            toy_history(),
            otlp=received.url,
            registry=registry,
            speed=SPEED,
            spans_per_second=8.0,  # more than the queue holds before the door opens
            seed=1,
            clock=clock,
            notice=notices.append,
        )
    assert clock.dropped_by_then > 0
    assert clock.reached_by_then == pytest.approx(START + 80.0 * SPEED, abs=10.0)
    assert played.until == START + 2400.0
    assert received.spans == played.spans - played.dropped
    assert registry.get_sample_value("epicenter_emit_spans_dropped_total") == played.dropped
    begun = [span.start_time_unix_nano / 1e9 for span in received.each_span()]
    assert max(begun) > START_WALL + 200.0  # of 240: what came after the door opened was let in


def scraped(port: int, accept: str) -> tuple[str, str]:
    request = urllib.request.Request(f"http://127.0.0.1:{port}/metrics", headers={"Accept": accept})
    answer: HTTPResponse
    with urllib.request.urlopen(request, timeout=30) as answer:
        return answer.headers["Content-Type"], answer.read().decode()


def test_openmetrics_leads_from_buckets_to_traces_that_were_sent() -> None:
    registry = CollectorRegistry()
    server, thread = start_http_server(0, "127.0.0.1", registry)
    try:
        with sink() as received:
            clock = PlainClock(Calendar(START, SPEED), "", received)
            history = toy_history()
            play(
                history,
                otlp=received.url,
                registry=registry,
                speed=SPEED,
                spans_per_second=2.0,
                seed=1,
                clock=clock,
            )
        kind, text = scraped(server.server_port, "application/openmetrics-text; version=1.0.0")
        plain_kind, plain = scraped(server.server_port, "text/plain")
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
    assert kind.startswith("application/openmetrics-text")
    assert text.endswith("# EOF\n")
    sent = {span.trace_id.hex() for span in received.each_span()}
    samples = [sample for family in openmetrics_families(text) for sample in family.samples if sample.exemplar]
    assert samples
    for sample in samples:
        assert sample.exemplar is not None
        assert sample.exemplar.labels["trace_id"] in sent
        assert sample.exemplar.value <= float(sample.labels["le"].replace("+Inf", "inf"))
    assert plain_kind.startswith("text/plain")
    assert {family.name for family in text_families(plain)} >= {"http_server_request_duration_seconds"}
    assert "trace_id" not in plain


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_ends_the_process_with_its_sum_and_what_waits_is_sent(stop: signal.Signals) -> None:
    with sink() as received, socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = int(unused.getsockname()[1])
        unused.close()
        command = [sys.executable, "-c", "from epicenter.cli import main; main()", "emit", "plain-failure"]
        command += ["--otlp", received.url, "--metrics-port", str(port), "--speed", "100"]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        try:
            with received.arrived:
                assert received.arrived.wait_for(lambda: received.spans > 0, timeout=120)
            process.send_signal(stop)
            out, err = process.communicate(timeout=60)
        finally:
            process.kill()
        with socket.socket() as knock:
            assert knock.connect_ex(("127.0.0.1", port)) != 0
    assert process.returncode == 0, err
    said = re.search(r"played: ([\d,]+) spans, 0 not delivered", out)
    assert said is not None, out
    assert int(said[1].replace(",", "")) == received.spans
    assert "Traceback" not in err
