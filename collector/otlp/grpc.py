"""OTLP over gRPC: the three services of the protocol on one asynchronous server.

Source: the OpenTelemetry Protocol specification 1.x, "OTLP/gRPC". Bodies are taken as bytes and decoded here, so that
what is no OTLP is told in the protocol's words and nothing is decoded twice.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from functools import partial
from typing import Any

import grpc
import grpc.aio
from google.protobuf.message import Message

from ..errors import Overloaded, OversizedRequest, Unavailable, UnreadableRequest
from .answers import accepted, retry_after, status
from .decode import Signal
from .intake import Intake, Limits, Refused, Take

LOG = logging.getLogger(__name__)

_SERVICES: dict[Signal, str] = {
    "traces": "opentelemetry.proto.collector.trace.v1.TraceService",
    "metrics": "opentelemetry.proto.collector.metrics.v1.MetricsService",
    "logs": "opentelemetry.proto.collector.logs.v1.LogsService",
}

_RECEIVED_AT_ONCE = 16
"""Messages: what is being received is held by gRPC, where nobody can count it. The others wait at their senders."""
_CALLS = 1_000
"""Answered at once. Beyond its own bound gRPC would not say when to come again, and senders drop what they have."""
_IDLE_S = 300.0
"""Without a call a connection is ended, as of HTTP, but later: SDKs keep one for all that they send, once a minute."""


def otlp_server(
    take: Take,
    limits: Limits | None = None,
    refused: Refused = lambda signal, error: None,
    interceptors: Sequence[grpc.aio.ServerInterceptor] = (),
    connections: int = 4_000,
) -> grpc.aio.Server:
    """A server without a port, to be given one, started and stopped in the event loop in which it is made.

    gRPC itself refuses messages of more than `limits.body_bytes`, and hangs up on connections beyond `connections`, and
    on those that have not shaken hands within `limits.body_s`.
    """
    intake = Intake(take, limits or Limits(), refused)
    receiving, calls = asyncio.Semaphore(_RECEIVED_AT_ONCE), asyncio.Semaphore(_CALLS)
    options = (
        ("grpc.max_receive_message_length", intake.limits.body_bytes),
        ("grpc.so_reuseport", 0),
        ("grpc.max_allowed_incoming_connections", connections),
        ("grpc.server_handshake_timeout_ms", round(intake.limits.body_s * 1000)),
        ("grpc.max_connection_idle_ms", round(_IDLE_S * 1000)),
    )
    server = grpc.aio.server(options=options, interceptors=interceptors)
    for signal, service in _SERVICES.items():
        # a call of one message is a stream of one on the wire; of a stream nothing is received before it is asked for
        export = grpc.stream_unary_rpc_method_handler(
            partial(_export, intake, calls, receiving, signal), response_serializer=_encoded
        )
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, {"Export": export}),))
    return server


def _encoded(answer: Message) -> bytes:
    return answer.SerializeToString()


async def _export(
    intake: Intake,
    calls: asyncio.Semaphore,
    receiving: asyncio.Semaphore,
    signal: Signal,
    messages: AsyncIterator[bytes],
    context: Any,
) -> Message:
    try:
        with intake.holding(signal) as hold:
            if calls.locked():
                raise Overloaded(f"{_CALLS:,} calls are being answered, and more may not")
            async with calls:
                async with receiving, asyncio.timeout(intake.limits.body_s):
                    body = await _message(messages, intake.limits.body_bytes)
                    hold(len(body))
                decoded = await intake.receive(signal, body)
    except OversizedRequest as error:
        return await context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, str(error))  # without when: never again
    except UnreadableRequest as error:
        return await context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))
    except Unavailable as error:
        return await _later(error, context)
    except TimeoutError:
        rule = f"the message did not arrive within {intake.limits.body_s:g} s"
        return await context.abort(grpc.StatusCode.DEADLINE_EXCEEDED, rule)
    except Exception:
        LOG.exception("an export of %s failed", signal)
        # gRPC would tell the sender of the exception itself
        return await context.abort(grpc.StatusCode.INTERNAL, "the receiver failed")
    return accepted(signal, decoded)


async def _message(messages: AsyncIterator[bytes], limit: int) -> bytes:
    async for message in messages:
        return message
    # gRPC has refused one that is too great, and gives none
    raise OversizedRequest(f"a request is one message of {limit:,} bytes at the most")


async def _later(error: Unavailable, context: Any) -> Message:
    code = grpc.StatusCode.RESOURCE_EXHAUSTED if isinstance(error, Overloaded) else grpc.StatusCode.UNAVAILABLE
    retry = retry_after(error.retry_after_s)
    # the protocol's place, and where the SDK for Python looks
    metadata = (
        ("grpc-status-details-bin", status(code.value[0], str(error), retry).SerializeToString()),
        ("google.rpc.retryinfo-bin", retry.SerializeToString()),
    )
    return await context.abort(code, str(error), metadata)
