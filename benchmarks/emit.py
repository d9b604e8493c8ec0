"""How many spans a second `epicenter emit` sends through OpenTelemetry's SDK on one core, in real time.

The receiver is a process of its own that reads and discards. Each rate is played for some seconds with the real clock,
the emitter held to one core; what it cannot send in time shows as lag, and in the end as spans not delivered.
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

SCENARIO = "plain-failure"
RATES = (5_000, 7_000)
SECONDS = 20.0
SPANS_PER_SECOND = 100.0  # of world time; the speed makes the rate


def discard(protocol: str) -> None:
    """Listen, say on which port, and throw away what comes."""
    if protocol == "grpc":
        import grpc
        from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc

        class Traces(trace_service_pb2_grpc.TraceServiceServicer):
            def Export(self, request: Any, context: Any) -> Any:
                return trace_service_pb2.ExportTraceServiceResponse()

        server = grpc.server(futures.ThreadPoolExecutor(2))
        trace_service_pb2_grpc.add_TraceServiceServicer_to_server(Traces(), server)
        print(server.add_insecure_port("127.0.0.1:0"), flush=True)
        server.start()
        server.wait_for_termination()
        return

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_request(self, code: Any = "-", size: Any = "-") -> None:
            """Keep quiet."""

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    print(http.server_port, flush=True)
    http.serve_forever()


def measured(protocol: str, port: int, rate: float) -> dict[str, float]:
    """Play for some seconds at a rate, on one core."""
    from epicenter.synthetic import simulate
    from epicenter.synthetic.telemetry.live import WallClock, play

    history = simulate(SCENARIO)
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)
    speed = rate / SPANS_PER_SECOND
    wall, cpu = time.perf_counter(), time.process_time()
    played = play(
        history,
        otlp=f"http://127.0.0.1:{port}",
        protocol="grpc" if protocol == "grpc" else "http/protobuf",
        registry=CollectorRegistry(),
        speed=speed,
        spans_per_second=SPANS_PER_SECOND,
        seed=0,
        clock=WallClock(),
        until=history.start + SECONDS * speed,
    )
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return {"seconds": wall, "cpu": cpu, "spans": played.spans, "dropped": played.dropped, "lag": played.lag_s}


def run(options: argparse.Namespace) -> None:
    del options
    print(
        f"{SCENARIO}, {SECONDS:.0f} s a rate, the emitter on one core (the aim is 5,000 spans/s without falling behind)"
    )
    for protocol in ("http/protobuf", "grpc"):
        sink = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.emit", "discard", protocol], stdout=subprocess.PIPE, text=True
        )
        try:
            assert sink.stdout is not None
            port = sink.stdout.readline().strip()
            for rate in RATES:
                command = [sys.executable, "-m", "benchmarks.emit", "play", protocol, port, str(rate)]
                told = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
                delivered = (told["spans"] - told["dropped"]) / told["seconds"]
                print(
                    f"{protocol:13} {rate:6,} asked: {delivered:6,.0f} spans/s delivered,"
                    f" {told['dropped']:,.0f} dropped, at most {told['lag']:.2f} s late,"
                    f" {told['cpu'] / told['seconds']:.0%} of the core"
                )
        finally:
            sink.kill()
            sink.wait()


if __name__ == "__main__":
    if sys.argv[1] == "discard":
        discard(sys.argv[2])
    else:
        print(json.dumps(measured(sys.argv[2], int(sys.argv[3]), float(sys.argv[4]))))
