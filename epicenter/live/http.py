"""Two small web servers in one event loop, with the limits and certificates of the settings."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import ssl
from collections.abc import Generator
from typing import Any

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from ..collector.errors import UsageError
from .config import Tls
from .connections import Bounded
from .settings import Address

_KEEP_ALIVE_S = 30
_HEADER_BYTES = 32 * 1024
_STOP_S = 5


def listening(key: str, where: Address, most: int) -> Bounded:
    """A socket that listens, to so many connections at once; UsageError where the address cannot be had."""
    try:
        family = socket.AF_INET6 if ":" in where.host else socket.AF_INET
        made = socket.create_server((where.host, where.port), family=family, backlog=1024)
    except OSError as error:
        raise UsageError(f"{key}: {where} cannot be listened on ({error.strerror or error})") from error
    return Bounded(made, most)


class WebServer(uvicorn.Server):
    """A server that leaves signals to the process it is a part of."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        """Take none."""
        yield


def web_server(app: ASGIApp, tls: Tls, header_s: float) -> WebServer:
    """A server of `app`; UsageError where certificates cannot be used.

    header_s: seconds in which a request's headers have to come.
    """
    config = uvicorn.Config(
        app,
        http=_patient(header_s),
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=_KEEP_ALIVE_S,
        timeout_graceful_shutdown=_STOP_S,
        h11_max_incomplete_event_size=_HEADER_BYTES,
        ssl_certfile=tls.cert or None,
        ssl_keyfile=tls.key or None,
        ssl_ca_certs=tls.client_ca or None,
        ssl_cert_reqs=ssl.CERT_REQUIRED if tls.client_ca else ssl.CERT_NONE,
    )
    # one line for each request that is no HTTP would let anybody fill the log
    logging.getLogger("uvicorn.error").setLevel(logging.ERROR)
    try:
        config.load()
    except (ssl.SSLError, OSError) as error:
        raise UsageError(f"tls: the certificates cannot be used ({error.strerror or error})") from error
    return WebServer(config)


def _patient(header_s: float) -> type[asyncio.Protocol]:
    class Patient(H11Protocol):
        """Hangs up where the headers of a request do not come in time, which uvicorn waits for without end."""

        _late: asyncio.TimerHandle | None = None

        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            self._late = self.loop.call_later(header_s, self.transport.close)

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            cycle: Any = self.cycle  # None until the first request
            waiting = cycle is None or cycle.response_complete
            if not waiting and self._late is not None:
                self._late.cancel()
                self._late = None
            elif waiting and self._late is None and not self.transport.is_closing():
                self._late = self.loop.call_later(header_s, self.transport.close)

        def connection_lost(self, exc: Exception | None) -> None:
            if self._late is not None:
                self._late.cancel()
            super().connection_lost(exc)

    return Patient
