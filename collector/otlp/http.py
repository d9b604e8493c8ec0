"""OTLP over HTTP: the three paths of the protocol as routes of a Starlette application.

Source: the OpenTelemetry Protocol specification 1.x, "OTLP/HTTP". Limits on headers and idle connections are the
server's own.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Mapping
from functools import partial

from google.protobuf.message import Message
from google.rpc import code_pb2
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from ..errors import Overloaded, OversizedRequest, Unavailable, UnreadableRequest
from .answers import accepted, encoded, retry_after, status
from .decode import SIGNALS, Signal
from .intake import Intake, Limits, Refused, Take

JSON, PROTOBUF = "application/json", "application/x-protobuf"

_CODES = {
    401: code_pb2.UNAUTHENTICATED,
    404: code_pb2.NOT_FOUND,
    405: code_pb2.UNIMPLEMENTED,
    500: code_pb2.INTERNAL,
}


def otlp_routes(take: Take, limits: Limits | None = None, refused: Refused = lambda signal, error: None) -> list[Route]:
    """The routes /v1/traces, /v1/metrics and /v1/logs, all of one application and one event loop."""
    intake = Intake(take, limits or Limits(), refused)
    return [Route(f"/v1/{signal}", partial(_export, intake, signal), methods=["POST"]) for signal in SIGNALS]


async def failed(request: Request, _: Exception) -> Response:
    """The answer where a bug of ours stopped a request, for an application's `exception_handlers`."""
    return refusal(request, 500, "the receiver failed")


async def unknown(request: Request, error: HTTPException) -> Response:
    """The answer where there is no such path, or it takes no such method, for the same place."""
    return refusal(request, error.status_code, f"{request.method} {request.url.path}: {error.detail}", error.headers)


def refusal(request: Request, number: int, why: str, headers: Mapping[str, str] | None = None) -> Response:
    """What is wrong with a request, as the Status that the protocol has in every such answer; JSON where it may be.

    number: of HTTP.
    """
    kind = PROTOBUF if _media_type(request) == PROTOBUF else JSON
    return _answer(number, status(_CODES[number], why), kind, **(headers or {}))


async def _export(intake: Intake, signal: Signal, request: Request) -> Response:
    kind = _media_type(request)
    if kind not in (JSON, PROTOBUF):
        rule = f"the Content-Type must be {PROTOBUF} or {JSON}"
        return _answer(415, status(code_pb2.INVALID_ARGUMENT, rule), JSON, accept=f"{PROTOBUF}, {JSON}")
    coding = request.headers.get("content-encoding", "identity").strip().lower()
    if coding not in ("identity", "gzip"):
        rule = "the Content-Encoding must be gzip or none"
        return _answer(415, status(code_pb2.INVALID_ARGUMENT, rule), kind, accept_encoding="gzip")
    try:
        with intake.holding(signal) as hold:
            async with asyncio.timeout(intake.limits.body_s):
                body = await _body(request, intake.limits.body_bytes, hold)
            decoded = await intake.receive(signal, body, json=kind == JSON, gzip=coding == "gzip")
    except OversizedRequest as error:
        return _answer(413, status(code_pb2.INVALID_ARGUMENT, str(error)), kind)
    except UnreadableRequest as error:
        return _answer(400, status(code_pb2.INVALID_ARGUMENT, str(error)), kind)
    except Unavailable as error:
        return _later(error, kind)
    except TimeoutError:
        rule = f"the body did not arrive within {intake.limits.body_s:g} s"
        return _answer(408, status(code_pb2.DEADLINE_EXCEEDED, rule), kind, connection="close")
    except ClientDisconnect:
        return Response(status_code=400)  # for the server's log alone: nobody is left to read it
    return _answer(200, accepted(signal, decoded), kind)


def _media_type(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


async def _body(request: Request, limit: int, hold: Callable[[int], None]) -> bytes:
    """The body as it came; OversizedRequest as soon as there is more of it than `limit`, or announced to be."""
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced) > limit:
        raise _oversized(limit)
    body = bytearray()
    async for chunk in request.stream():
        hold(len(chunk))
        body += chunk
        if len(body) > limit:
            raise _oversized(limit)
    return bytes(body)


def _oversized(limit: int) -> OversizedRequest:
    return OversizedRequest(f"a request may have {limit:,} bytes, and this one has more")


def _later(error: Unavailable, kind: str) -> Response:
    """Too much at once is the sender's to slow down for; anything else is trouble of ours."""
    number, code = (429, code_pb2.RESOURCE_EXHAUSTED) if isinstance(error, Overloaded) else (503, code_pb2.UNAVAILABLE)
    why = status(code, str(error), retry_after(error.retry_after_s))
    return _answer(number, why, kind, retry_after=str(math.ceil(error.retry_after_s)))


def _answer(number: int, message: Message, kind: str, **headers: str) -> Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Response(encoded(message, json=kind == JSON), number, named, kind)
