"""What goes wrong around a replay: too many samples, ports that are taken, a Prometheus that dies, Ctrl-C."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from epicenter.collector.errors import Refused, Unreachable
from epicenter.collector.promapi import Series as Answer
from epicenter.collector.promapi import Server
from epicenter.rules.files import Rule, read_rules
from epicenter.rules.loads import written
from epicenter.rules.prometheus import ADMIN, Prometheus, free_port, private
from epicenter.rules.replay import replay
from epicenter.rules.results import played_over
from epicenter.rules.write import Series
from tests.programs import require
from tests.prometheus import holding
from tests.servers import READY_S

LISTENS = "0A"
"""The state of a socket, as the kernel writes it (net/tcp_states.h)."""
BEGIN, END = 1_700_000_040.0, 1_700_003_640.0
TIMES = np.arange(BEGIN, END, 15.0)
UP = [Series({"__name__": "up", "pod": f"{pod}"}, TIMES, np.zeros_like(TIMES)) for pod in range(5)]
RULES = """groups:
  - name: g
    rules:
      - {alert: Greedy, expr: "max_over_time(up[30m]) == 0"}
      - {alert: Modest, expr: "max(up) == 0"}
"""
PAST = """groups:
  - name: g
    interval: 100ms
    rules:
      - {record: "up:count", expr: "count(up) + (up:count or vector(0))"}
      - {alert: Often, expr: "up:count > 100 or max(up) > 1"}
      - {alert: Sane, expr: "max(up) == 0"}
"""


TWICE = """groups:
  - name: g
    rules:
      - {record: "level", expr: "vector(1)"}
      - {record: "level", expr: "vector(5)"}
      - {alert: High, expr: "level > 3"}
      - {record: "self", expr: "max(up) + 1 or self"}
      - {record: "self", expr: "max(up) + 5 or self"}
      - {alert: Higher, expr: "self > 3"}
      - {alert: Hot, expr: "max(up) == 0"}
      - {alert: Hot, expr: "count(up) > 0 and on () vector(time()) > 1700000640"}
      - {alert: Later, expr: 'ALERTS_FOR_STATE{alertname="Hot"} > 1700000640'}
      - {alert: Innocent, expr: "max(up) == 0"}
"""


@pytest.fixture
def rules(tmp_path: Path) -> tuple[Rule, ...]:
    require("prometheus")
    (tmp_path / "rules.yml").write_text(RULES, encoding="utf-8")
    return read_rules([str(tmp_path / "rules.yml")]).rules


def test_a_rule_that_reads_too_many_samples_is_named_and_the_others_go_on(rules: tuple[Rule, ...]) -> None:
    with holding(UP, "--query.max-samples=400") as prometheus:
        greedy, modest = replay(rules, prometheus, BEGIN, END)
    assert "line 4: group g, rule Greedy: Prometheus refuses it: " in str(greedy.refused)
    assert "too many samples" in str(greedy.refused)
    assert len(modest.firings) == 1


@pytest.mark.parametrize("kept", [False, True])
def test_of_two_rules_that_write_one_series_the_first_is_kept_and_it_is_said(kept: bool, tmp_path: Path) -> None:
    require("prometheus")
    (tmp_path / "rules.yml").write_text(TWICE, encoding="utf-8")
    with holding(UP, ADMIN) as written, private(blocks=written.snapshot()) as from_blocks:
        played = replay(read_rules([str(tmp_path)]).rules, from_blocks if kept else written, BEGIN, END)
    assert {one.rule.name for one in played if one.firings} == {"Hot", "Innocent"}
    assert [one.refused for one in played if one.refused] == []
    doubts = [(one.rule.line, doubt) for one in played for doubt in one.doubts if "duplicate sample" in doubt]
    assert [line for line, _ in doubts] == [5, 8, 11]
    assert "rule level: makes a series with another value than a rule before it at 61 of 61 evaluations" in doubts[0][1]


def test_a_rule_whose_series_is_among_the_samples_already_is_refused_and_the_others_go_on(tmp_path: Path) -> None:
    require("prometheus")
    (tmp_path / "rules.yml").write_text(TWICE, encoding="utf-8")
    times = np.append(TIMES, END)
    recorded = [Series({"__name__": name}, times, np.full_like(times, 9.0)) for name in ("level", "self")]
    with holding([*UP, *recorded]) as prometheus:
        played = replay(read_rules([str(tmp_path)]).rules, prometheus, BEGIN, END)
    refused = [one.rule.name for one in played if "refuses it: duplicate sample for timestamp" in str(one.refused)]
    assert refused == ["level", "self", "self"]
    assert all(one.firings for one in played if one.rule.name in ("Hot", "Innocent"))


class Slow(Prometheus):
    """To questions about the greedy rule it never answers, and to others only so many times."""

    silent: ClassVar[str] = ""
    answers: ClassVar[int] = 0

    def query_range(self, query: str, *arguments: Any, **named: Any) -> tuple[list[Answer], list[str]]:
        type(self).answers -= "max_over_time" not in query
        if "max_over_time" in query or self.answers < 0:
            return Server(self.silent, timeout_s=0.2).query_range(query, *arguments, **named)
        return super().query_range(query, *arguments, **named)


def test_a_rule_that_takes_too_long_is_refused_and_the_others_go_on(rules: tuple[Rule, ...]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent, holding(UP) as prometheus:
        Slow.silent, Slow.answers = f"http://127.0.0.1:{silent.getsockname()[1]}", 2
        greedy, modest = replay(rules, Slow(prometheus.url), BEGIN, END)
        assert "rule Greedy: Prometheus refuses it: took longer than 150 s" in str(greedy.refused)
        assert len(modest.firings) == 1
        with pytest.raises(Unreachable, match="timed out"):  # nor does it answer to anything else
            replay(rules, Slow(prometheus.url), BEGIN, END)


def test_a_rule_that_would_be_asked_too_often_is_not_played_and_what_reads_it_says_so(tmp_path: Path) -> None:
    require("prometheus")
    (tmp_path / "rules.yml").write_text(PAST, encoding="utf-8")
    with holding(UP) as prometheus:
        count, often, sane = replay(read_rules([str(tmp_path)]).rules, prometheus, BEGIN, END)
    assert "line 5: group g, rule up:count: is not played: it reads its own past" in str(count.refused)
    assert "36,001 evaluations are more than the 20,000" in str(count.refused)
    assert [doubt.split(": ")[-1] for doubt in often.doubts] == ["reads what up:count would make, and could not here"]
    assert len(sane.firings) == 1


def test_a_port_that_is_taken_is_left_to_its_owner() -> None:
    require("prometheus")
    with socket.create_server(("127.0.0.1", 0)) as owner:
        taken = owner.getsockname()[1]
        with private(port=iter([taken, free_port()]).__next__) as prometheus:
            assert prometheus.names(BEGIN, END) == []
        with pytest.raises(Unreachable, match="address already in use"), private(port=lambda: taken):
            pass


def _listens_on(pid: int) -> set[str]:
    """Address and port, as the kernel writes them, of all on which a process listens (Linux, proc(5))."""
    held: set[str] = set()
    for opened in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # it was closed meanwhile
            held.add(str(opened.readlink()))
    tables = (Path("/proc/net", name).read_text(encoding="ascii").splitlines()[1:] for name in ("tcp", "tcp6"))
    sockets = (line.split() for table in tables for line in table)
    return {one[1] for one in sockets if one[3] == LISTENS and f"socket:[{one[9]}]" in held}


def test_a_private_prometheus_is_heard_on_loopback_alone() -> None:
    require("prometheus")
    loopback = int.from_bytes(socket.inet_aton("127.0.0.1"), sys.byteorder)
    with private(ADMIN) as prometheus:
        assert prometheus.pid is not None
        port = int(prometheus.url.rpartition(":")[2])
        assert _listens_on(prometheus.pid) == {f"{loopback:08X}:{port:04X}"}


class Mortal(Prometheus):
    """It dies when it is asked."""

    def query_range(self, *arguments: object, **named: object) -> tuple[list[Answer], list[str]]:
        self.post("/-/quit", b"", {})
        while True:  # on its way out, it still answers
            try:
                self.names(BEGIN, END)
            except Unreachable:
                raise
            except Refused:
                continue


def test_a_prometheus_that_dies_is_started_once_more_and_then_given_up(rules: tuple[Rule, ...]) -> None:
    started: list[str] = []

    def dying(times: int) -> list[int]:
        started.clear()

        @contextmanager
        def server() -> Generator[Prometheus]:
            with private("--web.enable-lifecycle") as prometheus:
                started.append(prometheus.url)
                yield Mortal(prometheus.url) if len(started) <= times else prometheus

        return [len(one.firings) for one in played_over(rules, written(UP, BEGIN, END, server), BEGIN, END)]

    assert dying(1) == [5, 1]
    evaluated = r"the second time while it evaluated .*, rule Greedy; its last words: .*See you next time!"
    with pytest.raises(Unreachable, match=f"^Prometheus died twice, {evaluated}"):
        dying(2)
    assert len(started) == 2


def test_a_prometheus_that_is_killed_while_it_takes_the_samples_says_by_what(rules: tuple[Rule, ...]) -> None:
    @contextmanager
    def server() -> Generator[Prometheus]:
        with private() as prometheus:
            assert prometheus.pid is not None
            os.kill(prometheus.pid, signal.SIGKILL)
            yield prometheus

    told = (
        r"^Prometheus died twice, the second time while it took the samples; its last words: .+ \(ended by signal 9\)$"
    )
    with pytest.raises(Unreachable, match=told):
        played_over(rules, written(UP, BEGIN, END, server), BEGIN, END)


def test_no_sample_of_a_long_load_comes_too_late() -> None:
    require("prometheus")
    times = np.arange(BEGIN, BEGIN + 6 * 3600.0, 60.0)
    with holding([replace(one, times=times, values=times) for one in UP]) as prometheus:
        told = prometheus.get("/metrics", {}).decode()
    late = [line for line in told.splitlines() if line.startswith("prometheus_tsdb_head_out_of_order_samples_appended")]
    assert [line.split()[-1] for line in late] == ["0"]


def _begun(scratch: Path) -> int:
    """How many Prometheus have said something."""
    return sum(log.stat().st_size > 0 for log in scratch.glob("epicenter-*/log"))


def _working_in(folder: Path) -> list[str]:
    """The processes whose command names the folder (Linux, proc(5))."""
    found: list[str] = []
    for told in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):  # it has ended meanwhile
            found += [told.parent.name] if os.fsencode(folder) in told.read_bytes() else []
    return found


@pytest.mark.parametrize("worlds", [1, 2])  # in this process, and in others
def test_ctrl_c_leaves_no_process_and_no_data(worlds: int, tmp_path: Path) -> None:
    require("prometheus")
    # 18,001 evaluations, so that all are still being played when the last of them has begun
    (tmp_path / "rules.yml").write_text(PAST.replace("100ms", "200ms"), encoding="utf-8")
    recordings = [tmp_path / f"{number}.om" for number in range(worlds)]
    for number, recording in enumerate(recordings):
        lines = (f'up{{world="{number}"}} {at % 2:.0f} {at:.0f}\n' for at in TIMES)
        recording.write_text("".join(lines) + "# EOF\n", encoding="utf-8")
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    played = [part for recording in recordings for part in ("--recording", str(recording))]
    arguments = ["backtest", str(tmp_path / "rules.yml"), *played]
    command = [sys.executable, "-c", "from epicenter.cli import main; main()", *arguments]
    # a group of its own, as a terminal gives to a command: Ctrl-C reaches all of it
    with subprocess.Popen(
        command, env={**os.environ, "TMPDIR": str(scratch)}, start_new_session=True, stderr=subprocess.PIPE
    ) as running:
        deadline = time.monotonic() + READY_S
        while _begun(scratch) < worlds and running.poll() is None and time.monotonic() < deadline:
            time.sleep(0.01)
        assert (_begun(scratch), running.poll()) == (worlds, None)
        os.killpg(running.pid, signal.SIGINT)
        _, said = running.communicate(timeout=READY_S)
    assert (running.returncode, said.decode().strip()) == (130, "")
    assert list(scratch.iterdir()) == []
    assert not _working_in(scratch)
