"""Who is let in, and when memory is too short to let anything in."""

from __future__ import annotations

import base64
import binascii
import ctypes
import gc
import hmac
import os
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pyarrow as pa
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from ..collector.errors import Overloaded

OPEN_PATHS = ("/healthz", "/readyz")
"""Who asks after our health is asked nothing: a probe of Kubernetes has no token."""

Unauthorized = Callable[[str], None]
"""Is told of the path or the method that somebody without a token asked for."""

_MEMORY_SHARE = 0.95

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
_SMALL_BYTES = 128 * 1024
"""What is greater is taken from the system and given back at once: glibc's own choice, which it raises as it goes."""


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
                await PlainTextResponse("a token is needed", 401, asked)(scope, receive, send)
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
    """Refuses while the process holds nearly as much memory as it may.

    resident: bytes that the process holds now.
    """

    def __init__(self, limit_bytes: int, resident: Callable[[], int]) -> None:
        self._most, self._resident = _MEMORY_SHARE * limit_bytes, resident
        self.refusing = False

    def measure(self) -> None:
        """Look again; where it is too much, give back what is held for nothing first."""
        if self._resident() > self._most:
            release()
        self.refusing = self._resident() > self._most

    def check(self) -> None:
        """Raise Overloaded while there is too little."""
        if self.refusing:
            raise Overloaded("memory is short")


def resident_bytes() -> int:
    """What this process holds (Linux)."""
    pages = int(Path("/proc/self/statm").read_bytes().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def release() -> None:
    """Let go of what nothing leads to any more, and of the memory of it."""
    gc.collect()
    trim()


def be_frugal() -> None:
    """Tell the allocators of this process to give back early what is freed.

    Counts take and free some hundred MB every second, of which glibc and Arrow's own pool would hold most for later.
    """
    pa.set_memory_pool(pa.system_memory_pool())
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # glibc's alone
    if mallopt is not None:
        for of in (_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD):
            mallopt(of, _SMALL_BYTES)


def trim() -> None:
    """Give freed memory back to the system, which the allocators keep for later."""
    pa.default_memory_pool().release_unused()
    malloc_trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc's alone
    if malloc_trim is not None:
        malloc_trim(0)
