"""Where live telemetry goes: a receiver of OTLP, over HTTP or gRPC."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from typing import Any, Literal, get_args
from urllib.parse import urlsplit

from opentelemetry.sdk._logs.export import LogRecordExporter
from opentelemetry.sdk.trace.export import SpanExporter

from ...collector.errors import UsageError

Protocol = Literal["http/protobuf", "grpc"]
"""In the words of OTEL_EXPORTER_OTLP_PROTOCOL."""

GRPC_PORT = 4317
TIMEOUT_S = 5.0
"""How long an exporter tries to deliver one batch."""
_CONNECT_S = 1.0
_RECONNECT_MS = 1000
"""gRPC by itself waits up to two minutes before it tries again, and a receiver that is back would wait with it."""

_SCHEMES = {"http": 80, "https": 443, "grpc": GRPC_PORT}
"""Schemes of a receiver's URL, and the ports where they name none; but for https, nothing is encrypted."""


@dataclass(frozen=True)
class Target:
    """A receiver: `url` as it was given, the protocol that it speaks, and where it listens."""

    url: str
    protocol: Protocol
    secure: bool
    host: str
    port: int

    def exporters(self) -> tuple[SpanExporter, LogRecordExporter]:
        """The SDK's exporters of spans and of log records to this receiver."""
        if self.protocol == "grpc":
            # gRPC takes a second to import, and most shows do without
            from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter as GrpcLogs
            from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcSpans

            host = f"[{self.host}]" if ":" in self.host else self.host
            endpoint = f"{'https' if self.secure else 'http'}://{host}:{self.port}"
            options: dict[str, Any] = {
                "endpoint": endpoint,
                "insecure": not self.secure,
                "timeout": TIMEOUT_S,
                "channel_options": (("grpc.max_reconnect_backoff_ms", _RECONNECT_MS),),
            }
            return GrpcSpans(**options), GrpcLogs(**options)
        from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

        base = self.url.rstrip("/")
        return (
            OTLPSpanExporter(f"{base}/v1/traces", timeout=TIMEOUT_S),
            OTLPLogExporter(f"{base}/v1/logs", timeout=TIMEOUT_S),
        )

    def unreachable(self) -> str | None:
        """Why nothing can be sent there just now; None where somebody listens.

        An exporter tries for seconds before it gives a batch up: this tells at once.
        """
        try:
            socket.create_connection((self.host, self.port), _CONNECT_S).close()
        except OSError as error:
            return (error.strerror or str(error)).lower()
        return None


def target_of(url: str, protocol: Protocol | None = None) -> Target:
    """The receiver at `url`: gRPC where the scheme or the port 4317 says so and `protocol` does not say otherwise.

    UsageError for what is no such URL, and for HTTP to grpc://.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise UsageError(f"--otlp {url}: {str(error).lower()}") from error
    if parts.scheme not in _SCHEMES or not host:
        raise UsageError(f"--otlp {url}: an OTLP receiver's URL begins with http://, https:// or grpc://, and a host")
    if parts.scheme == "grpc" and protocol == "http/protobuf":
        raise UsageError(f"--otlp {url}: a grpc:// receiver cannot be sent to with --protocol http/protobuf")
    if protocol is None:
        protocol = "grpc" if parts.scheme == "grpc" or port == GRPC_PORT else "http/protobuf"
    assert protocol in get_args(Protocol)
    usual = GRPC_PORT if protocol == "grpc" else _SCHEMES[parts.scheme]
    return Target(url, protocol, parts.scheme == "https", host, usual if port is None else port)
