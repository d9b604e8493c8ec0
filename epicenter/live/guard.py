"""Who is let in, and when memory is too short to let anything in."""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Any

import grpc
import grpc.aio
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from ..collector.errors import Overloaded
from ..collector.otlp.http import refusal
from .memory import release

OPEN_PATHS = ("/healthz", "/readyz")
"""Who asks after our health is asked nothing: a probe of Kubernetes has no token."""

Unauthorized = Callable[[str], None]
"""Is told of the path or the method that somebody without a token asked for."""

_MEMORY_SHARE = 0.95


class Tokens:
    """Tells whether an Authorization header holds one of the tokens; without tokens, everybody is let in."""

    def __init__(self, tokens: Sequence[bytes]) -> None:
        self._tokens = tuple(tokens)

    def __bool__(self) -> bool:
        return bool(self._tokens)

    def admit(self, header: bytes) -> bool:
        """`Bearer TOKEN`, or, for browsers, `Basic` with the token as password; in a time that tells nothing."""
        scheme, _, value = header.partition(b" ")
        given = value.strip()
        if scheme.lower() == b"basic":
            try:
                given = base64.b64decode(given, validate=True).partition(b":")[2]
            except binascii.Error:
                return False
        elif scheme.lower() != b"bearer":
            return False
        # each of them is compared, so that the time does not tell which one it is
        return sum(hmac.compare_digest(given, token) for token in self._tokens) > 0


class TokenGate:
    """An ASGI application that answers 401 to whoever has no token."""

    def __init__(self, app: ASGIApp, tokens: Tokens, unauthorized: Unauthorized) -> None:
        self._app, self._tokens, self._unauthorized = app, tokens, unauthorized

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] == "http" and self._tokens and scope["path"] not in OPEN_PATHS:
            headers = dict(scope["headers"])
            if not self._tokens.admit(headers.get(b"authorization", b"")):
                self._unauthorized(scope["path"])
                asked = {"www-authenticate": 'Basic realm="epicenter", charset="UTF-8"'}
                await refusal(Request(scope), 401, "a token is needed", asked)(scope, receive, send)
                return
        await self._app(scope, receive, send)


class TokenInterceptor(grpc.aio.ServerInterceptor):
    """Answers UNAUTHENTICATED to whoever has no token."""

    def __init__(self, tokens: Tokens, unauthorized: Unauthorized) -> None:
        self._tokens, self._unauthorized = tokens, unauthorized

    async def intercept_service(self, continuation: Callable[[Any], Awaitable[Any]], handler_call_details: Any) -> Any:
        """Let a call through, or give it a handler that refuses it."""
        metadata = dict(handler_call_details.invocation_metadata or ())
        header = metadata.get("authorization", "")
        if self._tokens.admit(header if isinstance(header, bytes) else header.encode()):
            return await continuation(handler_call_details)
        self._unauthorized(handler_call_details.method)
        return grpc.stream_unary_rpc_method_handler(_refuse)  # which does not wait for the body


async def _refuse(_: Any, context: Any) -> None:
    await context.abort(grpc.StatusCode.UNAUTHENTICATED, "a token is needed")


class MemoryGuard:
    """Refuses while nearly as much memory is held as may be, or will be once what was taken already is counted.

    resident: bytes that are held now. coming: bytes more that it takes for a while to count what waits.
    """

    def __init__(self, limit_bytes: int, resident: Callable[[], int], coming: Callable[[], int] = lambda: 0) -> None:
        self._most, self._resident, self._coming = _MEMORY_SHARE * limit_bytes, resident, coming
        self.refusing = False

    def measure(self) -> None:
        """Look again; where it is too much, give back what is held for nothing first."""
        if self._too_much():
            release()
        self.refusing = self._too_much()

    def check(self) -> None:
        """Raise Overloaded where there is too little, from now on until there is enough at a `measure`.

        Where the system does not tell, what was known last holds: an error would be answered with a 500, after which
        SDKs do not send again. `measure`, each second, is not silent about it.
        """
        with suppress(OSError):
            self.refusing = self.refusing or self._too_much()
        if self.refusing:
            raise Overloaded("memory is short")

    def _too_much(self) -> bool:
        return self._resident() + self._coming() > self._most
