"""OTLP/gRPC by the letter of its specification, over real connections."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import pytest
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.logs.v1.logs_service_pb2_grpc import LogsServiceStub
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2_grpc import MetricsServiceStub
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2_grpc import TraceServiceStub

from epicenter.collector.errors import DiskFull, Overloaded
from epicenter.collector.otlp import grpc as receiver
from epicenter.collector.otlp.decode import Export, Signal
from epicenter.collector.otlp.intake import Limits
from tests.collector.journals import one_span
from tests.collector.receivers import Taken, receiving
from tests.collector.test_otlp_http import REQUESTS

SERVICES: dict[Signal, tuple[Any, Any]] = {
    "traces": (TraceServiceStub, ExportTraceServiceResponse),
    "metrics": (MetricsServiceStub, ExportMetricsServiceResponse),
    "logs": (LogsServiceStub, ExportLogsServiceResponse),
}
LIMITS = Limits(body_bytes=50_000, unpacked_bytes=20_000, held_bytes=15_000)
TRACES = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"


@pytest.fixture(scope="module")
def taken() -> Taken:
    return Taken()


@pytest.fixture(scope="module")
def channel(taken: Taken) -> Generator[grpc.Channel]:
    with receiving(taken, LIMITS) as ports, grpc.insecure_channel(f"127.0.0.1:{ports.grpc}") as channel:
        yield channel


@pytest.mark.parametrize("signal", SERVICES)
@pytest.mark.parametrize("compression", [grpc.Compression.NoCompression, grpc.Compression.Gzip])
def test_each_service_takes_its_signal(
    channel: grpc.Channel, taken: Taken, signal: Signal, compression: grpc.Compression
) -> None:
    stub, response = SERVICES[signal]
    request = REQUESTS[signal][0]
    assert stub(channel).Export(request, compression=compression) == response()
    assert taken.exports[-1] == Export(signal, request.SerializeToString())
    assert [table.num_rows for table in taken.decoded[-1].tables.values()] == [1]


def test_what_is_rejected_of_a_request_is_counted_in_the_answer(channel: grpc.Channel) -> None:
    request = ExportTraceServiceRequest.FromString(one_span(1) + one_span(2))
    request.resource_spans[1].scope_spans[0].spans[0].span_id = b""
    partial = TraceServiceStub(channel).Export(request).partial_success
    assert (partial.rejected_spans, partial.error_message) == (1, "a span has no traceId or no spanId")


def refusal(channel: grpc.Channel, body: bytes = b"", compression: grpc.Compression | None = None) -> Any:
    """The error of an export of spans in these bytes."""
    export: Callable[..., Any] = channel.unary_unary(TRACES)
    with pytest.raises(grpc.RpcError) as refused:
        export(body, compression=compression, timeout=60)
    return refused.value


def test_what_is_no_otlp_is_refused_for_good(channel: grpc.Channel, taken: Taken) -> None:
    before = len(taken.exports)
    error = refusal(channel, b"<html>")
    assert error.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert error.details().startswith("the body is no OTLP protobuf of traces")
    assert len(taken.exports) == before


def test_too_great_a_request_is_refused_for_good_also_when_it_is_packed(channel: grpc.Channel, taken: Taken) -> None:
    before = len(taken.exports)
    for size, compression in ((60_000, None), (30 * 2**20, grpc.Compression.Gzip)):
        error = refusal(channel, bytes(size), compression)
        assert error.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
        assert "grpc-status-details-bin" not in dict(error.trailing_metadata())
    assert len(taken.exports) == before


def told_to_wait_s(refused: Any) -> int:
    """What the RetryInfo of an error says, in the place of the protocol."""
    status, retry = Status.FromString(dict(refused.trailing_metadata())["grpc-status-details-bin"]), RetryInfo()
    assert (status.code, status.message) == (refused.code().value[0], refused.details())
    assert status.details[0].Unpack(retry)
    return retry.retry_delay.seconds


@pytest.mark.parametrize(
    ("error", "code", "seconds"),
    [
        (Overloaded("too much waits"), grpc.StatusCode.RESOURCE_EXHAUSTED, 1),
        (DiskFull(28, "No space left on device"), grpc.StatusCode.UNAVAILABLE, 4),
    ],
)
def test_under_pressure_the_sender_is_told_when_to_come_again(
    channel: grpc.Channel, taken: Taken, error: Exception, code: grpc.StatusCode, seconds: int
) -> None:
    taken.refusals.append(error)
    refused = refusal(channel, one_span(1))
    assert (refused.code(), refused.details()) == (code, str(error))
    assert told_to_wait_s(refused) == seconds


def test_more_than_may_be_held_is_refused_until_there_is_room(channel: grpc.Channel, taken: Taken) -> None:
    request = ExportTraceServiceRequest.FromString(one_span(1, "x" * 8000))
    taken.free.clear()
    with ThreadPoolExecutor(1) as pool:
        while taken.asked.acquire(blocking=False):
            pass
        held = pool.submit(TraceServiceStub(channel).Export, request)
        assert taken.asked.acquire(timeout=60)
        error = refusal(channel, request.SerializeToString())
        taken.free.set()
        assert error.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
        assert held.result() == ExportTraceServiceResponse()


def test_more_calls_than_may_be_open_are_told_when_to_come_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(receiver, "_CALLS", 1)
    taken = Taken()
    taken.free.clear()
    with (
        receiving(taken, LIMITS) as ports,
        grpc.insecure_channel(f"127.0.0.1:{ports.grpc}") as channel,
        ThreadPoolExecutor(1) as pool,
    ):
        held = pool.submit(TraceServiceStub(channel).Export, ExportTraceServiceRequest.FromString(one_span(1)))
        assert taken.asked.acquire(timeout=60)
        error = refusal(channel, one_span(2))
        taken.free.set()
        assert (error.code(), told_to_wait_s(error)) == (grpc.StatusCode.RESOURCE_EXHAUSTED, 1)
        assert held.result() == ExportTraceServiceResponse()
        TraceServiceStub(channel).Export(ExportTraceServiceRequest.FromString(one_span(3)))
    assert len(taken.exports) == 2


def test_a_message_that_does_not_come_is_not_waited_for() -> None:
    answered = threading.Event()

    def messages() -> Iterator[bytes]:
        answered.wait(60)
        yield b""

    with (
        receiving(Taken(), Limits(body_s=0.05)) as ports,
        grpc.insecure_channel(f"127.0.0.1:{ports.grpc}") as channel,
    ):
        export: Callable[..., Any] = channel.stream_unary(TRACES)
        with pytest.raises(grpc.RpcError) as refused:
            export(messages(), timeout=60)
        answered.set()
    error: Any = refused.value
    assert error.code() == grpc.StatusCode.DEADLINE_EXCEEDED
    assert error.details() == "the message did not arrive within 0.05 s"


def test_a_bug_behind_it_tells_the_sender_nothing_of_our_house(channel: grpc.Channel, taken: Taken) -> None:
    taken.refusals.append(RuntimeError("at /home/somebody/x.py"))
    error = refusal(channel, one_span(1))
    assert error.code() == grpc.StatusCode.INTERNAL
    assert error.details() == "the receiver failed"
