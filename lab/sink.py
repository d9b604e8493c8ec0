"""Receives OTLP/HTTP and writes it as the Collector's file exporter does: one request, one line of OTLP JSON."""

from __future__ import annotations

import base64
import gzip
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import zstandard
from google.protobuf.json_format import MessageToDict
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

REQUESTS = {
    "traces": ExportTraceServiceRequest,
    "metrics": ExportMetricsServiceRequest,
    "logs": ExportLogsServiceRequest,
}
IDS = {"traceId", "spanId", "parentSpanId"}


def hex_ids(value: Any) -> Any:
    """OTLP JSON writes ids in hex, where protobuf's own JSON has base64."""
    if isinstance(value, list):
        return [hex_ids(item) for item in value]
    if isinstance(value, dict):
        return {k: base64.b64decode(v).hex() if k in IDS else hex_ids(v) for k, v in value.items()}
    return value


def to_line(signal: str, body: bytes) -> str:
    """One export request as one line."""
    message = REQUESTS[signal]()
    message.ParseFromString(body)
    return json.dumps(hex_ids(MessageToDict(message, use_integers_for_enums=True)), separators=(",", ":")) + "\n"


class Sink:
    """Listens until closed, then writes traces, metrics and logs into a folder."""

    def __init__(self, address: str, port: int) -> None:
        lines: dict[str, list[str]] = {signal: [] for signal in REQUESTS}
        lock = threading.Lock()

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.headers.get("Content-Encoding") == "gzip":
                    body = gzip.decompress(body)
                signal = self.path.rsplit("/", 1)[-1]
                line = to_line(signal, body)
                with lock:
                    lines[signal].append(line)
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Nobody reads an access log here."""

        self.url = f"http://{address}:{port}"
        self._lines = lines
        self._server = ThreadingHTTPServer((address, port), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self, folder: Path) -> None:
        """Stops listening and writes `traces.jsonl.zst` and so on."""
        self._server.shutdown()
        self._server.server_close()
        compressor = zstandard.ZstdCompressor(level=19)
        for signal, lines in self._lines.items():
            (folder / f"{signal}.jsonl.zst").write_bytes(compressor.compress("".join(lines).encode()))
