"""OTLP/HTTP by the letter of its specification, over real connections."""

from __future__ import annotations

import gzip
import http.client
import json
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest, ExportLogsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from epicenter.collector.errors import DiskFull, Overloaded
from epicenter.collector.otlp.decode import Export, Signal
from epicenter.collector.otlp.intake import Limits
from tests.collector.handed_over import T0
from tests.collector.journals import one_span
from tests.collector.otlp_requests import as_json
from tests.collector.receivers import Answer, Ports, Taken, ask, post, receiving

PROTOBUF, JSON = "application/x-protobuf", "application/json"
LIMITS = Limits(body_bytes=10_000, unpacked_bytes=50_000, held_bytes=15_000)


@pytest.fixture(scope="module")
def taken() -> Taken:
    return Taken()


@pytest.fixture(scope="module")
def ports(taken: Taken) -> Generator[Ports]:
    with receiving(taken, LIMITS) as ports:
        yield ports


def a_log() -> ExportLogsServiceRequest:
    request = ExportLogsServiceRequest()
    request.resource_logs.add().scope_logs.add().log_records.add(time_unix_nano=T0).body.string_value = "boom"
    return request


def a_metric() -> ExportMetricsServiceRequest:
    request = ExportMetricsServiceRequest()
    metric = request.resource_metrics.add().scope_metrics.add().metrics.add(name="up")
    metric.gauge.data_points.add(time_unix_nano=T0, as_int=1)
    return request


REQUESTS: dict[Signal, tuple[Any, Any]] = {
    "traces": (ExportTraceServiceRequest.FromString(one_span(1)), ExportTraceServiceResponse),
    "metrics": (a_metric(), ExportMetricsServiceResponse),
    "logs": (a_log(), ExportLogsServiceResponse),
}


@pytest.mark.parametrize("signal", REQUESTS)
@pytest.mark.parametrize("packed", [False, True])
def test_protobuf_is_taken_and_answered_in_protobuf(ports: Ports, taken: Taken, signal: Signal, packed: bool) -> None:
    request, response = REQUESTS[signal]
    body = request.SerializeToString()
    coding = {"content_encoding": "gzip"} if packed else {}
    answer = post(ports, f"/v1/{signal}", gzip.compress(body) if packed else body, content_type=PROTOBUF, **coding)
    assert (answer.status, answer.headers["content-type"]) == (200, PROTOBUF)
    assert response.FromString(answer.body) == response()
    assert taken.exports[-1] == Export(signal, body)
    assert [table.num_rows for table in taken.decoded[-1].tables.values()] == [1]


@pytest.mark.parametrize("signal", REQUESTS)
@pytest.mark.parametrize("kind", [JSON, "Application/JSON; charset=utf-8"])
def test_json_is_taken_and_answered_in_json(ports: Ports, taken: Taken, signal: Signal, kind: str) -> None:
    body = as_json(REQUESTS[signal][0])
    answer = post(ports, f"/v1/{signal}", gzip.compress(body), content_type=kind, content_encoding="GZIP")
    assert (answer.status, answer.headers["content-type"], json.loads(answer.body)) == (200, JSON, {})
    assert taken.exports[-1] == Export(signal, body, json=True)
    assert [table.num_rows for table in taken.decoded[-1].tables.values()] == [1]


def test_an_empty_request_succeeds(ports: Ports) -> None:
    assert post(ports, "/v1/traces", b"", content_type=PROTOBUF).status == 200
    assert post(ports, "/v1/traces", b"{}", content_type=JSON).status == 200


def test_what_is_rejected_of_a_request_is_counted_in_the_answer(ports: Ports) -> None:
    request = ExportTraceServiceRequest.FromString(one_span(1) + one_span(2))
    request.resource_spans[1].scope_spans[0].spans[0].span_id = b""
    answer = post(ports, "/v1/traces", request.SerializeToString(), content_type=PROTOBUF)
    partial = ExportTraceServiceResponse.FromString(answer.body).partial_success
    assert (answer.status, partial.rejected_spans) == (200, 1)
    assert partial.error_message == "a span has no traceId or no spanId"
    answer = post(ports, "/v1/traces", as_json(request), content_type=JSON)
    message = {"rejectedSpans": "1", "errorMessage": "a span has no traceId or no spanId"}
    assert json.loads(answer.body) == {"partialSuccess": message}
    metrics, logs = a_metric(), a_log()
    metrics.resource_metrics[0].scope_metrics[0].metrics[0].gauge.data_points[0].time_unix_nano = 5
    logs.resource_logs[0].scope_logs[0].log_records[0].time_unix_nano = 5
    answer = post(ports, "/v1/metrics", metrics.SerializeToString(), content_type=PROTOBUF)
    assert ExportMetricsServiceResponse.FromString(answer.body).partial_success.rejected_data_points == 1
    answer = post(ports, "/v1/logs", logs.SerializeToString(), content_type=PROTOBUF)
    assert ExportLogsServiceResponse.FromString(answer.body).partial_success.rejected_log_records == 1


def refused(answer: Answer, number: int, kind: str = PROTOBUF) -> str:
    """The message of a refusal, which is a google.rpc.Status in the request's encoding."""
    assert (answer.status, answer.headers["content-type"]) == (number, kind)
    assert b"Traceback" not in answer.body
    assert b".py" not in answer.body
    if kind == JSON:
        return json.loads(answer.body)["message"]
    return Status.FromString(answer.body).message


def test_what_is_no_otlp_is_refused_for_good(ports: Ports, taken: Taken) -> None:
    before = len(taken.exports)
    for kind in (PROTOBUF, JSON):
        answer = post(ports, "/v1/traces", b"<html>", content_type=kind)
        assert refused(answer, 400, kind).startswith("the body is no OTLP ")
        assert "retry-after" not in answer.headers
    answer = post(ports, "/v1/logs", b"plain", content_type=PROTOBUF, content_encoding="gzip")
    assert refused(answer, 400) == "the body is no gzip, though Content-Encoding says so"
    assert len(taken.exports) == before


@pytest.mark.parametrize("headers", [{}, {"content_type": "text/plain"}, {"content_type": "application/protobuf"}])
def test_other_types_are_not_taken(ports: Ports, headers: dict[str, str]) -> None:
    answer = post(ports, "/v1/traces", one_span(1), **headers)
    assert refused(answer, 415, JSON) == "the Content-Type must be application/x-protobuf or application/json"


def test_other_encodings_are_not_taken(ports: Ports) -> None:
    answer = post(ports, "/v1/traces", one_span(1), content_type=PROTOBUF, content_encoding="br")
    assert refused(answer, 415) == "the Content-Encoding must be gzip or none"
    assert answer.headers["accept-encoding"] == "gzip"


@pytest.mark.parametrize("kind", [PROTOBUF, JSON])
def test_only_post_is_taken_and_at_its_paths_alone(ports: Ports, kind: str) -> None:
    answer = ask(ports, lambda it: it.request("GET", "/v1/traces", headers={"content-type": kind}))
    assert refused(answer, 405, kind) == "GET /v1/traces: Method Not Allowed"
    assert answer.headers["allow"] == "POST"
    assert refused(post(ports, "/v1/spans", b"", content_type=kind), 404, kind) == "POST /v1/spans: Not Found"


def test_too_great_a_request_is_refused_announced_or_not_and_unpacked(ports: Ports) -> None:
    rule = "a request may have 10,000 bytes, and this one has more"
    assert refused(post(ports, "/v1/traces", bytes(10_001), content_type=PROTOBUF), 413) == rule

    def in_chunks(connection: http.client.HTTPConnection) -> None:
        pieces = iter([bytes(6000), bytes(6000)])
        connection.request("POST", "/v1/traces", pieces, {"content-type": PROTOBUF}, encode_chunked=True)

    assert refused(ask(ports, in_chunks), 413) == rule
    bomb = gzip.compress(bytes(5 * 2**20))
    assert len(bomb) < LIMITS.body_bytes
    answer = post(ports, "/v1/traces", bomb, content_type=PROTOBUF, content_encoding="gzip")
    assert refused(answer, 413).startswith("a request may have 50,000 bytes when it is unpacked")


def test_under_pressure_the_sender_is_told_when_to_come_again(ports: Ports, taken: Taken) -> None:
    taken.refusals.append(Overloaded("too much waits"))
    answer = post(ports, "/v1/traces", one_span(1), content_type=PROTOBUF)
    assert (refused(answer, 429), answer.headers["retry-after"]) == ("too much waits", "1")
    taken.refusals.append(DiskFull(28, "No space left on device"))
    answer = post(ports, "/v1/traces", as_json(REQUESTS["traces"][0]), content_type=JSON)
    message = "the journal cannot be written (No space left on device)"
    assert (refused(answer, 503, JSON), answer.headers["retry-after"]) == (message, "4")
    (detail,) = json.loads(answer.body)["details"]
    assert detail == {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "4s"}
    assert post(ports, "/v1/traces", one_span(1), content_type=PROTOBUF).status == 200


def test_more_than_may_be_held_is_refused_until_there_is_room(ports: Ports, taken: Taken) -> None:
    body = one_span(1, "x" * 8000)
    taken.free.clear()
    with ThreadPoolExecutor(1) as pool:
        while taken.asked.acquire(blocking=False):
            pass
        held = pool.submit(post, ports, "/v1/traces", body, content_type=PROTOBUF)
        assert taken.asked.acquire(timeout=60)
        answer = post(ports, "/v1/traces", body, content_type=PROTOBUF)
        taken.free.set()
        assert refused(answer, 429) == "15,000 bytes of requests are being taken, and more may not"
        assert held.result().status == 200
    assert post(ports, "/v1/traces", body, content_type=PROTOBUF).status == 200


def test_a_body_that_does_not_come_is_not_waited_for() -> None:
    taken = Taken()

    def half(connection: http.client.HTTPConnection) -> None:
        connection.putrequest("POST", "/v1/traces")
        connection.putheader("content-type", PROTOBUF)
        connection.putheader("content-length", "100")
        connection.endheaders(b"half")

    with receiving(taken, Limits(body_s=0.05)) as ports:
        assert refused(ask(ports, half), 408) == "the body did not arrive within 0.05 s"


def test_a_bug_behind_it_tells_the_sender_nothing_of_our_house(ports: Ports, taken: Taken) -> None:
    taken.refusals.append(RuntimeError("at /home/somebody/x.py"))
    answer = post(ports, "/v1/traces", one_span(1), content_type=PROTOBUF)
    assert refused(answer, 500) == "the receiver failed"
