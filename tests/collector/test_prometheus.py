"""Samples polled from a real Prometheus are those that it was given."""

from __future__ import annotations

import json
import math
import threading
import urllib.parse
import urllib.request
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from click.testing import CliRunner

from epicenter import UsageError, analyze_paths
from epicenter.cli import cli
from epicenter.collector.concepts import concepts_of
from epicenter.collector.errors import Refused
from epicenter.collector.model import SAMPLES
from epicenter.collector.promapi import Server
from epicenter.collector.prometheus import ASK_AGAIN_S, Prometheus
from epicenter.collector.writer import RecordingWriter
from epicenter.rules.prometheus import free_port
from epicenter.rules.write import Series
from epicenter.synthetic import History
from tests import prometheus as real
from tests.programs import require
from tests.simulated import simulated

T0 = 1_760_000_400
STEP_S = 60


def small() -> Iterator[Series]:
    times = np.arange(T0, T0 + 6000, STEP_S, dtype=np.float64)
    for labels, values in (
        ({"__name__": "up", "job": "a"}, np.ones_like(times)),
        ({"__name__": "up", "job": "b"}, np.zeros_like(times)),
        ({"__name__": "shop_asked_total", "app": "x"}, times - T0),
        ({"__name__": "odd"}, np.ones_like(times)),
    ):
        yield Series(labels, times, values)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    require("prometheus")
    # so few samples a query that the server refuses what Epicenter asks for first
    with real.holding(small(), "--query.max-samples=150") as running:
        yield Server(running.url)


def rows(tables: Iterator[pa.Table]) -> list[tuple[Any, ...]]:
    found = list(tables)
    assert all(table.schema == SAMPLES for table in found)
    return sorted(
        (row["Name"], tuple(row["Labels"]), row["Timestamp"].value // 10**9, row["Value"])
        for table in found
        for row in table.to_pylist()
    )


EXPECTED = sorted(
    ("up", (("job", job),), at, value) for at in range(T0, T0 + 6000, STEP_S) for job, value in (("a", 1.0), ("b", 0.0))
)


def test_known_names_are_found_and_what_is_missing_is_told(server: Server) -> None:
    found = Prometheus(server).find(T0, T0 + 6000)
    assert found.names == ("up",)
    assert "dns_answers" in found.missing
    assert "up" not in found.missing


@pytest.mark.parametrize("max_points", [7, 5000])
def test_every_sample_comes_once_whatever_the_servers_limits(server: Server, max_points: int) -> None:
    prometheus = Prometheus(server, max_points=max_points)
    assert rows(prometheus.read(T0, T0 + 5940, STEP_S)) == EXPECTED
    assert prometheus.troubles == ()


def test_own_names_are_read_as_those_that_are_known(server: Server) -> None:
    prometheus = Prometheus(server, own_names={"shop_asked_total": "http_requests_total"})
    told = rows(prometheus.read(T0, T0 + 60, STEP_S))
    assert ("http_requests_total", (("app", "x"),), T0 + 60, 60.0) in told
    with pytest.raises(UsageError, match="odd cannot be read as strange: no concept knows that name"):
        Prometheus(server, own_names={"odd": "strange"})


def test_polls_follow_on_each_other(server: Server) -> None:
    prometheus = Prometheus(server)
    polled = [row for now in range(T0 + 100, T0 + 1000, 37) for row in rows(prometheus.poll(now, STEP_S))]
    assert sorted(polled) == [row for row in EXPECTED if T0 + 60 <= row[2] < T0 + 960]
    assert prometheus.known().names == ("up",)


def test_what_a_poll_could_not_get_the_next_one_gets(server: Server) -> None:
    with in_front(server) as front:
        prometheus = Prometheus(Server(front.url, token="secret", tenant="shop"), sleep=lambda _: None)
        first = rows(prometheus.poll(T0 + 100, STEP_S))
        front.refusals = [(500, {})]
        assert rows(prometheus.poll(T0 + 160, STEP_S)) == []
        assert "up: http://127.0.0.1" in prometheus.troubles[0]
        assert "refused (500" in prometheus.troubles[0]
        rest = rows(prometheus.poll(T0 + 280, STEP_S))
    assert sorted(first + rest) == [row for row in EXPECTED if T0 + 60 <= row[2] <= T0 + 240]
    assert prometheus.troubles == ()
    assert {headers["authorization"] for headers in front.heard} == {"Bearer secret"}
    assert {headers["x-scope-orgid"] for headers in front.heard} == {"shop"}


def test_a_server_that_holds_the_newest_back_gives_at_each_poll_what_any_other_gives(server: Server) -> None:
    """VictoriaMetrics answers nothing of the last 30 s where points are less than a minute apart."""
    with in_front(server) as front:
        held_back, plain = Prometheus(Server(front.url)), Prometheus(server)
        for now in range(T0 + 100, T0 + 400, 37):
            front.until = now - 30
            assert rows(held_back.poll(now, STEP_S)) == rows(plain.poll(now, STEP_S))


def test_points_that_come_late_come_once_and_those_of_a_series_that_ended_are_not_asked_for_ever(
    server: Server,
) -> None:
    polls = range(T0 + 100, T0 + 9000, 60)
    with in_front(server) as front:
        prometheus, polled = Prometheus(Server(front.url)), list[tuple[Any, ...]]()
        for now in polls:
            front.until = now - 150
            polled += rows(prometheus.poll(now, STEP_S))
    assert sorted(row for row in polled if row[2] < T0 + 5940) == [row for row in EXPECTED if row[2] < T0 + 5940]
    assert len(polled) == len({row[:3] for row in polled})
    asked = [urllib.parse.parse_qs(urllib.parse.urlsplit(path).query) for path in front.asked]
    assert max(float(one["end"][0]) - float(one["start"][0]) for one in asked) <= ASK_AGAIN_S


def test_a_server_that_asks_for_patience_gets_it(server: Server) -> None:
    waits: list[float] = []
    with in_front(server) as front:
        front.refusals = [(503, {}), (429, {"Retry-After": "7"})]
        assert len(rows(Prometheus(Server(front.url), sleep=waits.append).read(T0, T0 + 60, STEP_S))) == 4
    assert waits == [7.0, 1.0]


def test_who_is_not_there_or_no_prometheus_is_told_of_in_a_sentence(server: Server) -> None:
    with pytest.raises(Refused, match=r"http://127\.0\.0\.1:\d+ could not be asked \(.*refused.*\)"):
        list(Prometheus(Server(f"http://127.0.0.1:{free_port()}")).read(T0, T0 + 60, STEP_S))
    with pytest.raises(Refused, match=r"/graph refused \(404: 404 page not found\)|is no Prometheus"):
        list(Prometheus(Server(f"{server.url}/graph")).read(T0, T0 + 60, STEP_S))
    with pytest.raises(UsageError, match="'prometheus:9090' is no address of a Prometheus"):
        Server("prometheus:9090")


class Front(ThreadingHTTPServer):
    """A proxy under /prefix before the real server: refuses questions for series as long as it has refusals.

    until: it answers no points after that time. asked: the paths of all questions for series.
    """

    refusals: list[tuple[int, dict[str, str]]]
    heard: list[dict[str, str]]
    asked: list[str]
    behind: str
    until: float = math.inf

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/prefix"


class Handler(BaseHTTPRequestHandler):
    server: Front  # pyright: ignore[reportIncompatibleVariableOverride]

    def do_GET(self) -> None:
        self.server.heard.append({name.lower(): value for name, value in self.headers.items()})
        if "query_range" in self.path and self.server.refusals:
            status, headers = self.server.refusals.pop()
            body = b""
        else:
            with urllib.request.urlopen(self.server.behind + self.path.removeprefix("/prefix"), timeout=30) as answer:
                status, headers, body = answer.status, {}, answer.read()
        if "query_range" in self.path and body:
            self.server.asked.append(self.path)
            body = _until(body, self.server.until)
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        pass


def _until(body: bytes, until: float) -> bytes:
    told = json.loads(body)
    for one in told["data"]["result"]:
        one["values"] = [point for point in one["values"] if point[0] <= until]
    told["data"]["result"] = [one for one in told["data"]["result"] if one["values"]]
    return json.dumps(told).encode()


@contextmanager
def in_front(server: Server) -> Generator[Front]:
    with Front(("127.0.0.1", 0), Handler) as front:
        front.refusals, front.heard, front.asked, front.behind = [], [], [], server.url
        thread = threading.Thread(target=front.serve_forever)
        thread.start()
        try:
            yield front
        finally:
            front.shutdown()
            thread.join()


@pytest.fixture(scope="module")
def outage() -> History:
    return simulated("dns-servfail-partial")


def test_the_same_incident_is_found_as_from_the_samples_themselves(outage: History, tmp_path: Path) -> None:
    require("prometheus")
    series = list(real.scraped(outage, STEP_S, lambda name: bool(concepts_of(name))))
    text = tmp_path / "samples.om"
    text.write_text("".join(real.exposition(series)), encoding="utf-8")
    expected, _ = analyze_paths([text])
    seen = expected.recording
    with real.holding(series) as running, RecordingWriter(tmp_path / "polled") as writer:
        for table in Prometheus(Server(running.url)).read(seen.from_, seen.to, STEP_S):
            writer.write("samples", table)
        arguments = ["analyze", running.url, "--from", str(seen.from_), "--to", str(seen.from_ + 300), "--json", "-"]
        done = CliRunner().invoke(cli, arguments)
    told, _ = analyze_paths([tmp_path / "polled"])
    assert [incident.trigger for incident in told.incidents] == [incident.trigger for incident in expected.incidents]
    assert told.incidents[0].trigger.kind == "dns.servfail"
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["recording"]["samples"] > 100


def test_a_server_without_times_is_refused(server: Server) -> None:
    done = CliRunner().invoke(cli, ["analyze", server.url])
    assert "a Prometheus has no end: give --from and --to" in f"{done.output}{done.exception}"
