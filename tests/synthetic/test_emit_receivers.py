"""A live show and the receivers that it meets: of either protocol, of logs, late, gone for good, or no receiver."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from prometheus_client import CollectorRegistry

from epicenter.collector.errors import UsageError
from epicenter.synthetic.telemetry import sdk, target
from epicenter.synthetic.telemetry.live import Played, play
from epicenter.synthetic.telemetry.mix import MIXES
from epicenter.synthetic.telemetry.ready import ready_spans
from epicenter.synthetic.telemetry.sdk import Sender, Tally
from epicenter.synthetic.telemetry.spans import span_source
from epicenter.synthetic.telemetry.target import Target, target_of

from .received import START_WALL, Sink, grpc_sink, sink
from .toy_history import START, TICK_S, TICKS, toy_history

SPEED = 10.0
END = START + TICK_S * TICKS
GONE, BACK = " does not take spans: what is due is dropped", " takes spans again"


@dataclass
class _Clock:
    """Sleeping takes no time, but for what happens at certain moments, in seconds from the start, and meanwhile."""

    wall: float = START_WALL
    at: dict[float, Callable[[], Any]] = field(default_factory=dict[float, Callable[[], Any]])
    meanwhile: Callable[[], Any] = lambda: None

    def now(self) -> float:
        return self.wall

    def sleep(self, seconds: float) -> None:
        self.wall += seconds
        for moment in [moment for moment in self.at if moment <= self.wall - START_WALL]:
            self.at.pop(moment)()
        self.meanwhile()


def _play(url: str, clock: _Clock, registry: CollectorRegistry | None = None, **options: Any) -> Played:
    chosen: dict[str, Any] = {"spans_per_second": 2.0, "seed": 1, "speed": SPEED} | options
    return play(toy_history(), otlp=url, registry=registry or CollectorRegistry(), clock=clock, **chosen)


def test_the_same_seed_sends_the_same_spans_by_either_protocol() -> None:
    runs: list[list[bytes]] = []
    for receiver, protocol in ((sink, "http/protobuf"), (grpc_sink, "grpc")):
        with receiver() as received:
            played = _play(received.url, _Clock(), protocol=protocol)
        assert played.dropped == 0
        runs.append(sorted(span.SerializeToString() for span in received.each_span()))
    assert runs[0] == runs[1]
    assert len(runs[0]) > 1000


def test_exceptions_arrive_as_log_records_where_the_estate_writes_them_so() -> None:
    with sink() as received:
        _play(received.url, _Clock(), mix=MIXES["otel-new"])
    spans = {span.span_id: span for span in received.each_span()}
    told = [
        (resource.resource, record)
        for request in received.logs
        for resource in request.resource_logs
        for scope in resource.scope_logs
        for record in scope.log_records
        if record.event_name == "exception"
    ]
    assert len(told) > 100
    for resource, record in told:
        inside = spans[record.span_id]
        assert inside.trace_id == record.trace_id
        assert inside.status.code == inside.status.STATUS_CODE_ERROR
        assert abs(record.time_unix_nano - inside.end_time_unix_nano) < 1e9
        assert {attribute.key for attribute in record.attributes} >= {"exception.type", "exception.message"}
        assert "service.instance.id" in {attribute.key for attribute in resource.attributes}
    assert not any(span.events for span in spans.values())


@pytest.mark.parametrize("protocol", ["http/protobuf", "grpc"])
def test_a_receiver_that_comes_late_is_told_of_and_gets_what_comes_after(
    protocol: str, monkeypatch: pytest.MonkeyPatch, dead_end: str
) -> None:
    monkeypatch.setattr(sdk, "QUEUE_SPANS", 2048)
    monkeypatch.setattr(target, "TIMEOUT_S", 0.9)  # too short for an exporter to try a batch twice
    registry, notices, late = CollectorRegistry(), list[str](), list[Sink]()
    dropped_by_then: list[float] = []

    def value(name: str) -> float:
        return registry.get_sample_value(f"epicenter_emit_{name}") or 0.0

    with ExitStack() as doors:

        def opens() -> None:
            dropped_by_then.append(value("spans_dropped_total"))
            receiver = grpc_sink if protocol == "grpc" else sink
            late.append(doors.enter_context(receiver(port=urlsplit(dead_end).port or 0)))
            clock.meanwhile = arrives

        def arrives() -> None:  # slowly, since the sender tries to connect in real time, and what waits may fail first
            with late[0].arrived:
                late[0].arrived.wait_for(lambda: late[0].spans > 0, timeout=0.2)

        clock = _Clock(at={120.0: opens})
        options = {"protocol": protocol, "notice": notices.append, "spans_per_second": 8.0}
        played = _play(dead_end, clock, registry, **options)
    assert 8.0 * SPEED * 100 > sdk.QUEUE_SPANS  # more was due before the door opened than can wait
    assert late[0].spans > 0
    assert 0 < dropped_by_then[0] <= played.dropped == value("spans_dropped_total")
    assert played.until == END == value("world_time_seconds")
    # On a busy machine an answer may come too late: what arrived is then counted as dropped, and the receiver as gone.
    assert late[0].spans >= played.spans - played.dropped
    assert [notice.removeprefix(dead_end) for notice in notices] == [GONE, BACK] * max(1, len(notices) // 2)


def test_a_receiver_that_never_comes_is_told_of_before_anything_is_due(dead_end: str) -> None:
    told: list[tuple[float, str]] = []
    clock, registry = _Clock(), CollectorRegistry()
    played = _play(dead_end, clock, registry, notice=lambda text: told.append((clock.wall, text)))
    assert told == [(START_WALL, dead_end + GONE)]
    assert played.until == END
    assert played.dropped == played.spans > 1000


def test_what_was_played_and_the_world_time_on_the_endpoint_agree(dead_end: str) -> None:
    def stop() -> None:
        raise KeyboardInterrupt

    clock, registry = _Clock(at={100.0: stop}), CollectorRegistry()
    played = _play(dead_end, clock, registry)
    clock.wall += 50.0  # what is left to do at the end takes time, and the world stands still
    assert played.until == pytest.approx(START + 100.0 * SPEED, abs=5.0)
    assert registry.get_sample_value("epicenter_emit_world_time_seconds") == played.until


class _Broken(SpanExporter):
    """Fails as no exporter should, and works again."""

    def __init__(self) -> None:
        self.calls = 0

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        self.calls += 1
        if self.calls == 1:
            raise RuntimeError("out of order")
        return SpanExportResult.SUCCESS


def test_spans_on_which_the_exporter_breaks_are_counted_too(monkeypatch: pytest.MonkeyPatch, dead_end: str) -> None:
    broken, (_, logs) = _Broken(), target_of(dead_end).exporters()
    monkeypatch.setattr(Target, "exporters", lambda _: (broken, logs))
    tally, notices = Tally(), list[str]()
    sender = Sender(target_of(dead_end), tally, notice=notices.append)
    spans = ready_spans(span_source(toy_history(), spans_per_second=20.0, seed=1).draw(range(120)))
    for span in spans:
        sender.span(span, span.start_ns)
    sender.close()
    assert broken.calls > 1
    assert 0 < tally.failed < tally.spans == len(spans)
    assert tally.delivered == tally.spans - tally.dropped
    assert [notice.removeprefix(dead_end) for notice in notices] == [GONE, BACK]


def test_a_receiver_that_is_not_there_does_not_hold_up_the_end(dead_end: str) -> None:
    command = [sys.executable, "-c", "from epicenter.cli import main; main()", "emit", "plain-failure"]
    command += ["--otlp", dead_end, "--protocol", "grpc", "--metrics-port", str(urlsplit(dead_end).port)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stderr is not None
        assert "Playing" in process.stderr.readline()
        assert process.stderr.readline() == dead_end + GONE + "\n"
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=120)
    finally:
        process.kill()
    assert process.returncode == 0, err
    assert err == ""  # it was said once, and gRPC's own words are not for the screen
    said = re.fullmatch(r"\d+% played: ([\d,]+) spans, ([\d,]+) not delivered, \d+ changes\n", out)
    assert said is not None, out
    assert said[1] == said[2]


@pytest.mark.parametrize(
    ("url", "spoken"),
    [
        ("http://a:4318", "http/protobuf"),
        ("https://a", "http/protobuf"),
        ("http://a:43170", "http/protobuf"),
        ("http://a:4317/", "grpc"),
        ("https://a:4317", "grpc"),
        ("grpc://a", "grpc"),
        ("grpc://[::1]:99", "grpc"),
    ],
)
def test_the_url_says_which_protocol_is_spoken_unless_it_is_given(url: str, spoken: str) -> None:
    assert target_of(url).protocol == spoken
    assert target_of(url, "grpc").protocol == "grpc"


def test_ports_that_are_not_named_are_the_usual_ones() -> None:
    urls = ("http://a", "https://a", "grpc://a", "grpc://[::1]:99")
    assert [target_of(url).port for url in urls] == [80, 443, 4317, 99]
    assert target_of("http://a", "grpc").port == 4317


@pytest.mark.parametrize(
    ("url", "words"),
    [("ftp://a", "begins with"), ("a:4317", "begins with"), ("http://", "a host"), ("http://a:b", "port")],
)
def test_what_is_no_url_of_a_receiver_is_said_so(url: str, words: str) -> None:
    with pytest.raises(UsageError, match=re.escape(url) + ".*" + words):
        target_of(url)
