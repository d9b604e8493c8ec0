"""Answers to export requests: what was taken, or why nothing was, in the encoding of the request."""

from __future__ import annotations

import math
from collections.abc import Callable

from google.protobuf.duration_pb2 import Duration
from google.protobuf.json_format import MessageToJson
from google.protobuf.message import Message
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.logs.v1 import logs_service_pb2
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2

from .decode import Decoded, Signal

_RESPONSES: dict[Signal, tuple[Callable[..., Message], str]] = {
    "traces": (trace_service_pb2.ExportTraceServiceResponse, "rejected_spans"),
    "metrics": (metrics_service_pb2.ExportMetricsServiceResponse, "rejected_data_points"),
    "logs": (logs_service_pb2.ExportLogsServiceResponse, "rejected_log_records"),
}


def accepted(signal: Signal, decoded: Decoded) -> Message:
    """The Export…ServiceResponse; it has a partial_success only where something was rejected, as the protocol asks."""
    response, rejected = _RESPONSES[signal]
    return response(
        partial_success={rejected: decoded.rejected, "error_message": decoded.why} if decoded.rejected else None
    )


def status(code: int, message: str, retry: RetryInfo | None = None) -> Status:
    """Why nothing was taken; code: of google.rpc.Code. retry: as the answer's detail."""
    answer = Status(code=code, message=message)
    if retry is not None:
        answer.details.add().Pack(retry)
    return answer


def retry_after(seconds: float) -> RetryInfo:
    """When to send again."""
    nanos, whole = math.modf(seconds)
    return RetryInfo(retry_delay=Duration(seconds=int(whole), nanos=round(nanos * 1e9)))


def encoded(answer: Message, *, json: bool) -> bytes:
    """The answer's body."""
    return MessageToJson(answer, indent=None).encode() if json else answer.SerializeToString()
