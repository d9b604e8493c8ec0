"""How many spans a second `epicenter emit` sends through OpenTelemetry's SDK on one core, in real time.

The receiver is a process of its own that reads and discards. Each rate is played for some seconds with the real clock,
the emitter held to one core; what it cannot send in time shows as lag, and in the end as spans not delivered. Spans by
second of the processor tell what the core could do if nobody else wanted it: on a busy machine the clock cannot.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import subprocess
import sys
import time
from concurrent import futures
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from prometheus_client import CollectorRegistry

from epicenter.synthetic import simulate
from epicenter.synthetic.telemetry.live import WallClock, play

SCENARIO = "plain-failure"
RATES = (5_000, 8_000)
SECONDS = 20.0
SPANS_PER_SECOND = 100.0  # of world time; the speed makes the rate


def discard_grpc() -> None:
    """Listen, say on which port, and throw away what comes."""
    import grpc

    def take(request: bytes, context: Any) -> bytes:
        return b""

    accept = grpc.unary_unary_rpc_method_handler(take)  # without a decoder the requests stay bytes
    server = grpc.server(futures.ThreadPoolExecutor(2))
    for signal, service in (("trace", "TraceService"), ("logs", "LogsService")):
        name = f"opentelemetry.proto.collector.{signal}.v1.{service}"
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(name, {"Export": accept}),))
    print(server.add_insecure_port("127.0.0.1:0"), flush=True)
    server.start()
    server.wait_for_termination()


def discard_http() -> None:
    """Listen, say on which port, and throw away what comes."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_request(self, code: Any = "-", size: Any = "-") -> None:
            """Keep quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    print(server.server_port, flush=True)
    server.serve_forever()


class Started(WallClock):
    """Remembers when it was first asked, which is when the play begins: what prepares it is not counted."""

    cpu = wall = 0.0

    def now(self) -> float:
        if not self.wall:
            self.wall, self.cpu = time.perf_counter(), time.process_time()
        return super().now()


def measured(protocol: str, port: int, rate: float) -> dict[str, float]:
    """Play for some seconds at a rate, on one core."""
    history = simulate(SCENARIO)
    if hasattr(os, "sched_setaffinity"):  # Linux only
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)
    clock, speed = Started(), rate / SPANS_PER_SECOND
    played = play(
        history,
        otlp=f"http://127.0.0.1:{port}",
        protocol="grpc" if protocol == "grpc" else "http/protobuf",
        registry=CollectorRegistry(),
        speed=speed,
        spans_per_second=SPANS_PER_SECOND,
        seed=0,
        clock=clock,
        until=history.start + SECONDS * speed,
    )
    wall, cpu = time.perf_counter() - clock.wall, time.process_time() - clock.cpu
    return {"seconds": wall, "cpu": cpu, "spans": played.spans, "dropped": played.dropped, "lag": played.lag_s}


def run(options: argparse.Namespace) -> None:
    del options
    print(
        f"{SCENARIO}, {SECONDS:.0f} s a rate, the emitter on one core (the aim: 5,000 spans/s without falling behind);"
        f" load of the machine {os.getloadavg()[0]:.1f}"
    )
    for protocol in ("http/protobuf", "grpc"):
        command = [sys.executable, "-m", "benchmarks.emit", "discard", protocol]
        sink = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        try:
            assert sink.stdout is not None
            port = sink.stdout.readline().strip()
            for rate in RATES:
                report(protocol, port, rate)
        finally:
            sink.kill()
            sink.wait()


def report(protocol: str, port: str, rate: int) -> None:
    """Measure one rate in a process of its own, and print a line."""
    command = [sys.executable, "-m", "benchmarks.emit", "play", protocol, port, str(rate)]
    told = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    delivered = told["spans"] - told["dropped"]
    print(
        f"{protocol:13} {rate:6,} asked: {delivered / told['seconds']:6,.0f} spans/s delivered,"
        f" {told['dropped']:,.0f} dropped, at most {told['lag']:.2f} s late, {told['cpu'] / told['seconds']:.0%} of the"
        f" core, {delivered / told['cpu']:,.0f} spans by second of the processor"
    )


if __name__ == "__main__":
    if sys.argv[1] == "discard":
        discard_grpc() if sys.argv[2] == "grpc" else discard_http()
    else:
        print(json.dumps(measured(sys.argv[2], int(sys.argv[3]), float(sys.argv[4]))))
