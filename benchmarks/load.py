"""Load for a live server: traces of a wide estate, encoded once as OTLP and sent with fresh ids and times.

1,000 services in layers call each other over 5,000 edges; a trace is some ten spans, a client and a server span a call,
with the attributes that HTTP instrumentation sets. The spans of one trace leave in several requests, as they do where
each service has an exporter of its own.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from http.client import HTTPConnection
from queue import Queue
from threading import Lock, Thread

import numpy as np
import numpy.typing as npt
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span, Status

from .estate import LAYERS, pairs

SERVICES, EDGES = 1000, 5000
ROUND_SPANS = 16_384
"""Spans of the traces that begin together; their requests leave one after another."""

MOST_CALLS = 8
WORDS = "[Errno -5] No address associated with hostname"

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Request:
    """One encoded export request: where in `body` ids (8 bytes each, XORed with what is fresh) and times lie."""

    body: npt.NDArray[np.uint8]
    spans: int
    trace_halves: Ints
    ids: Ints
    times: Ints
    offsets_ns: Ints

    def fresh(self, now_ns: int, trace_mask: int, span_mask: int) -> bytes:
        """The request as one that was never sent before, its traces begun at `now_ns`."""
        body = self.body.copy()
        for places, mask in ((self.trace_halves, trace_mask), (self.ids, span_mask)):
            body[places] ^= np.frombuffer(mask.to_bytes(8, "little"), np.uint8)
        body[self.times] = (now_ns + self.offsets_ns).view(np.uint8).reshape(-1, 8)
        return body.tobytes()


class Estate:
    """Who calls whom, and traces through it; `broken` is a service whose name may be made not to resolve."""

    def __init__(self, seed: int = 0) -> None:
        self._rng = np.random.default_rng(seed)
        layer = np.sort(np.arange(SERVICES) % LAYERS)
        self._callees: list[list[int]] = [[] for _ in range(SERVICES)]
        called = np.zeros(SERVICES, np.int64)
        for client, server in pairs(layer, EDGES, self._rng):
            self._callees[client].append(server)
            called[server] += 1
        self._entries = [int(one) for one in np.flatnonzero(layer == 0) if self._callees[one]]
        self.broken = int(np.argmax(np.where(layer == 1, called, 0)))

    def requests(self, spans: int, per_request: int, *, failing: bool = False) -> list[Request]:
        """A round of traces with `spans` spans in all, as requests of `per_request` spans."""
        made: list[tuple[int, Span]] = []
        while len(made) < spans:
            made += self._trace(failing)
        made.sort(key=lambda one: one[0])  # by service, as they are sent
        return [_encoded(made[at : at + per_request]) for at in range(0, len(made), per_request)]

    def _trace(self, failing: bool) -> list[tuple[int, Span]]:
        trace, made = self._rng.bytes(16), list[tuple[int, Span]]()
        entry = int(self._rng.choice(self._entries))
        if failing:
            callers = [one for one in self._entries if self.broken in self._callees[one]]
            entry = callers[int(self._rng.integers(len(callers)))]
        todo = [(entry, b"", 0, 500_000_000)]
        while todo:
            service, parent, start, duration = todo.pop()
            server = self._span(trace, parent, Span.SPAN_KIND_SERVER, start, duration, service)
            made.append((service, server))
            callees = self._callees[service]
            wanted = min(len(callees), int(self._rng.integers(1, 4)), MOST_CALLS - len(made) // 2)
            chosen = [int(one) for one in self._rng.permutation(callees)[: max(0, wanted)]]
            if failing and service == entry and self.broken not in chosen:
                chosen.append(self.broken)
            for number, callee in enumerate(chosen):
                took = duration // (len(chosen) + 1)
                at = start + number * took
                client = self._span(trace, server.span_id, Span.SPAN_KIND_CLIENT, at, took, callee)
                made.append((service, client))
                if failing and callee == self.broken:
                    _fail(client, server)
                else:
                    todo.append((callee, client.span_id, at + 1_000_000, max(2_000_000, took - 2_000_000)))
        return made

    def _span(self, trace: bytes, parent: bytes, kind: Span.SpanKind.ValueType, start: int, ns: int, to: int) -> Span:
        route = f"/v1/things/{to % 7}"
        attributes: dict[str, str | int] = {
            "http.request.method": "GET",
            "network.protocol.version": "1.1",
            "http.response.status_code": 200,
            "thread.id": int(self._rng.integers(64)),
        }
        if kind == Span.SPAN_KIND_CLIENT:
            host = f"{_name(to)}.prod.internal"
            attributes |= {"server.address": host, "server.port": 8080, "url.full": f"http://{host}:8080{route}"}
        else:
            attributes |= {"url.path": route, "http.route": route, "client.address": f"10.2.{to % 250}.7"}
        return Span(
            trace_id=trace,
            span_id=self._rng.bytes(8),
            parent_span_id=parent,
            name=f"GET {route}",
            kind=kind,
            start_time_unix_nano=start + 1,
            end_time_unix_nano=start + ns + 1,
            attributes=_pairs(attributes),
        )


def _fail(client: Span, server: Span) -> None:
    """The client's call did not find its server, and the server above it answers 500."""
    client.status.CopyFrom(Status(code=Status.STATUS_CODE_ERROR, message=WORDS))
    for pair in client.attributes:
        if pair.key == "http.response.status_code":
            pair.CopyFrom(_pairs({"error.type": "gaierror"})[0])
    server.status.CopyFrom(Status(code=Status.STATUS_CODE_ERROR))
    for pair in server.attributes:
        if pair.key == "http.response.status_code":
            pair.value.int_value = 500


def _name(service: int) -> str:
    return f"service-{service:03d}"


def _pairs(attributes: dict[str, str | int]) -> list[KeyValue]:
    return [
        KeyValue(key=key, value=AnyValue(string_value=value) if isinstance(value, str) else AnyValue(int_value=value))
        for key, value in attributes.items()
    ]


def _resource(service: int) -> Resource:
    told: dict[str, str | int] = {
        "service.name": _name(service),
        "service.version": "1.4.2",
        "service.instance.id": f"{_name(service)}-7d9c5b6f4-x{service % 10}",
        "host.name": f"node-{service % 40}",
        "telemetry.sdk.language": "java",
        "k8s.namespace.name": "prod",
    }
    return Resource(attributes=_pairs(told))


def _encoded(made: list[tuple[int, Span]]) -> Request:
    groups: dict[int, list[Span]] = {}
    for service, span in made:
        groups.setdefault(service, []).append(span)
    message = ExportTraceServiceRequest(
        resource_spans=[
            ResourceSpans(resource=_resource(service), scope_spans=[ScopeSpans(spans=spans)])
            for service, spans in groups.items()
        ]
    )
    body = message.SerializeToString()
    traces, ids, times, offsets = [], [], [], []
    at = 0
    for span in (span for spans in groups.values() for span in spans):
        at = body.index(span.trace_id + b"\x12\x08" + span.span_id, at)
        traces.append(at)
        ids.append(at + 18)
        if span.parent_span_id:
            ids.append(body.index(b"\x22\x08" + span.parent_span_id, at) + 2)
        begun, ended = span.start_time_unix_nano, span.end_time_unix_nano
        times.append(body.index(b"\x39" + begun.to_bytes(8, "little") + b"\x41", at) + 1)
        times.append(times[-1] + 9)
        offsets += [begun, ended]
    eight = np.arange(8)

    def places(of: list[int]) -> Ints:
        return np.array(of, np.int64)[:, None] + eight

    return Request(
        np.frombuffer(body, np.uint8), len(made), places(traces), places(ids), places(times), np.array(offsets)
    )


def fresh(requests: list[Request], now_ns: int, rng: np.random.Generator) -> Iterator[tuple[bytes, int]]:
    """The bodies of a round with ids of its own, and how many spans each holds."""
    trace_mask, span_mask = (int(rng.integers(1, 2**63)) for _ in range(2))
    for request in requests:
        yield request.fresh(now_ns, trace_mask, span_mask), request.spans


class Sender:
    """Sends requests over some connections at once, as exporters do, and notes how long each answer took."""

    def __init__(self, port: int, connections: int = 4) -> None:
        self._port, self._queue = port, Queue[tuple[bytes, int] | None](connections)
        self.seconds: list[float] = []
        self.spans = self.refused = 0
        self._guard = Lock()
        self._threads = [Thread(target=self._send_on) for _ in range(connections)]
        for thread in self._threads:
            thread.start()

    def send(self, body: bytes, spans: int) -> None:
        """Hand on a request, as soon as one of few places is free."""
        self._queue.put((body, spans))

    def finish(self) -> None:
        """Wait for all answers."""
        for _ in self._threads:
            self._queue.put(None)
        for thread in self._threads:
            thread.join()

    def _send_on(self) -> None:
        connection = HTTPConnection("127.0.0.1", self._port, timeout=120)
        while (request := self._queue.get()) is not None:
            body, spans = request
            begun = time.perf_counter()
            connection.request("POST", "/v1/traces", body, {"content-type": "application/x-protobuf"})
            answer = connection.getresponse()
            answer.read()
            with self._guard:
                self.seconds.append(time.perf_counter() - begun)
                self.spans += spans if answer.status == 200 else 0
                self.refused += answer.status != 200
            if answer.status != 200:
                time.sleep(0.2)  # it is not sent again: nobody acknowledged it
        connection.close()
