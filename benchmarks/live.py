"""The live server under load, beside a bare web server that only reads the same requests, in one run on the same cores.

`epicenter watch` runs as a process of its own, the generator in this one. Seconds of the processor by span are told
beside what the clock says, which on a machine that others use as well says little.
"""

from __future__ import annotations

import argparse
import math
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from epicenter.live.config import Windows

from .live_hour import hour
from .live_server import Server, bare, watching
from .live_stock import HOUR_WINDOW_S, an_hour, stored
from .load import ROUND_SPANS, Estate, Request, Sender, fresh

PER_REQUEST = 2048
TEMPLATES = 6
WARM_S, BARE_S = 5.0, 10.0
WINDOW_S = 10
_ASK_EVERY_S = 0.1
_ROUNDS_A_QUESTION = 8
AIMS = {
    "rate": 100_000,
    "p99_ms": 250,
    "memory_mib": 600e6 / 2**20,
    "late_s": WINDOW_S + 1.0,
    "ready_s": 2.0,
    "again_s": 5.0,
}
_STEADY_S = Windows().lateness_s + 3 * WINDOW_S
"""Until then memory still grows: spans are kept for the lateness."""
_TAKEN = 0.99
"""Share of a rate that is given which is to be taken: sending begins and ends within the time."""
_GROWTH = 0.05
"""Share of its memory by which it may differ from quarter to quarter: the allocator gives back late."""
_BOUND_MIB = 768
"""With less than some 600 hardly anything is taken."""
_PHASES = (0.1, 0.5, 0.9)
"""Where in a window an outage begins: what is told of it waits for a look, and so for the end of some window."""


@dataclass
class Load:
    """What one stretch of load came to; cpu: seconds of the processor, of the server and of the generator.

    folding: of the server's processes that fold, by themselves. memory_mib, folding_mib: at the same moments. waiting:
    rows that were not counted yet.
    """

    spans: int
    seconds: float
    p99_ms: float
    server_cpu: float
    own_cpu: float
    memory_mib: list[float]
    refused: int
    folding_cpu: float
    folding_mib: list[float]
    waiting: list[float]

    @property
    def together_mib(self) -> list[float]:
        """What the server and its process that folds held at the same moments."""
        return [server + folding for server, folding in zip(self.memory_mib, self.folding_mib, strict=True)]

    def __str__(self) -> str:
        return (
            f"{self.spans / self.seconds:9,.0f} spans/s acknowledged, p99 {self.p99_ms:6.0f} ms, "
            f"{1e6 * self.server_cpu / self.spans:5.2f} us of CPU a span (generator "
            f"{1e6 * self.own_cpu / self.spans:.2f}, folding {1e6 * self.folding_cpu / self.spans:.2f}), "
            f"{max(self.memory_mib):,.0f} MiB at the most (folding {max(self.folding_mib):,.0f}, "
            f"both at once {max(self.together_mib):,.0f}), "
            f"{self.refused} requests refused, {max(self.waiting, default=0.0):,.0f} rows waited at the most"
        )


def stretch(server: Server, rounds: list[list[Request]], seconds: float, rate: float | None = None) -> Load:
    """Send for so long, as fast as it goes or at `rate` spans/s."""
    rng, sender = np.random.default_rng(time.time_ns()), Sender(server.http)
    begun, own, theirs, folding = time.perf_counter(), time.process_time(), server.cpu_s(), server.folding_cpu_s()
    due, number, memory, folding_mib, waiting = begun, 0, list[float](), list[float](), list[float]()
    while time.perf_counter() - begun < seconds:
        for body, spans in fresh(rounds[number % len(rounds)], time.time_ns(), rng):
            if rate is not None:
                due += spans / rate
                time.sleep(max(0.0, due - time.perf_counter()))
            sender.send(body, spans)
        number += 1
        memory.append(server.resident_mib())
        folding_mib.append(server.folding_mib())
        if number % _ROUNDS_A_QUESTION == 0:
            waiting.append(server.value("epicenter_ingest_waiting_rows"))
    sender.finish()
    took = time.perf_counter() - begun
    return Load(
        sender.spans,
        took,
        1000 * float(np.quantile(sender.seconds, 0.99)),
        server.cpu_s() - theirs,
        time.process_time() - own,
        memory,
        sender.refused,
        server.folding_cpu_s() - folding,
        folding_mib,
        waiting,
    )


def until_incident(server: Server, failing: list[Request], calm: list[list[Request]], rate: float) -> float:
    """Seconds from the first failing span that was sent to the incident on /metrics."""
    rng, sender, began = np.random.default_rng(3), Sender(server.http), time.perf_counter()
    seen = threading.Event()
    asking = threading.Thread(target=_ask, args=(server, seen, began + 6 * WINDOW_S))
    asking.start()
    number = 0
    while asking.is_alive():
        for body, spans in fresh(failing + calm[number % len(calm)], time.time_ns(), rng):
            if not asking.is_alive():
                break
            sender.send(body, spans)
            time.sleep(spans / rate)
        number += 1
    took = time.perf_counter() - began
    sender.finish()
    return took if seen.is_set() else float("inf")


def _ask(server: Server, seen: threading.Event, deadline: float) -> None:
    """Ask until there is an incident, or it is too late."""
    while time.perf_counter() < deadline:
        if "epicenter_incident_info{" in server.metrics():
            seen.set()
            return
        time.sleep(_ASK_EVERY_S)


def run(options: argparse.Namespace) -> None:
    folder: Path = options.scratch / "live"
    parts = {"rate": _rate, "half": _half, "bound": _bound, "restart": _restart, "hour": _hour}
    estate = Estate()
    rounds = [estate.requests(ROUND_SPANS, PER_REQUEST) for _ in range(TEMPLATES)]
    size = sum(len(one.body) for one in rounds[0]) / sum(one.spans for one in rounds[0])
    print(
        f"requests of {PER_REQUEST:,} spans of {size:.0f} bytes, 1,000 services, 5,000 edges, windows of {WINDOW_S} s;"
        f" load of the machine before it began {os.getloadavg()[0]:.1f}"
    )
    for name in options.part or parts:
        shutil.rmtree(folder, ignore_errors=True)
        parts[name](folder, estate, rounds, options)


def _rate(folder: Path, _: Estate, rounds: list[list[Request]], options: argparse.Namespace) -> None:
    """As fast as it goes, or at `options.rate`; then everything that was acknowledged is looked for."""
    with bare() as server:
        stretch(server, rounds, WARM_S)
        yardstick = stretch(server, rounds, BARE_S)
    print(f"bare      {yardstick}")
    with watching(folder, WINDOW_S) as server:
        _tell("start to ready", server.ready_s, "s", AIMS["ready_s"])
        warm = stretch(server, rounds, WARM_S)
        full = stretch(server, rounds, options.seconds, options.rate)
        print(f"ours      {full}")
        _tell("sustained", full.spans / full.seconds, "/s", -min(AIMS["rate"], _TAKEN * (options.rate or math.inf)))
        times = full.server_cpu / full.spans / (yardstick.server_cpu / yardstick.spans)
        print(f"  of the processor {times:.1f} times what the bare server takes")
        sent = warm.spans + full.spans
        acknowledged = time.perf_counter()
        _until(lambda: server.value("epicenter_ingest_spans_total", transport="http") == sent)
        _until(lambda: server.value("epicenter_ingest_waiting_rows") == 0)
        print(f"  nothing waited any more {time.perf_counter() - acknowledged:.1f} s after the last answer")
        looks = server.looks()
        _until(lambda: server.looks() >= looks + 2)  # what came late is told a second after it was counted
        late = server.value("epicenter_late_items_total", signal="spans")
        failures = server.value("epicenter_analysis_failures_total")
        kept = stored(folder, server.stop)
    print(f"  acknowledged {sent:,}, in recordings and journal {kept.spans:,} ({kept})")
    _tell("acknowledged and counted as late", late, "", 0)
    _tell("acknowledged and not there", sent - kept.spans, "", 0)
    _tell("analyses that failed", failures, "", 0)


def _half(folder: Path, estate: Estate, rounds: list[list[Request]], options: argparse.Namespace) -> None:
    """At half the rate: answer times, memory, and how soon an outage is told of."""
    with watching(folder, WINDOW_S) as server:
        half = stretch(server, rounds, max(_STEADY_S, options.seconds / 3), AIMS["rate"] / 2)
        print(f"at half   {half}")
        _tell("p99 of answers", half.p99_ms, "ms", AIMS["p99_ms"])
        _tell("memory", float(np.median(half.memory_mib[len(half.memory_mib) * 2 // 3 :])), "MiB", AIMS["memory_mib"])
        server.stop()
    took = [_delay(folder, estate, rounds, phase) for phase in _PHASES]
    print(f"  outages that began at {_PHASES} of a window were told of after {', '.join(f'{s:.1f} s' for s in took)}")
    _tell("first failing span to incident", max(took), "s", AIMS["late_s"])


def _delay(folder: Path, estate: Estate, rounds: list[list[Request]], phase: float) -> float:
    """How soon an outage that begins at this phase of a window is told of, by a server that knew no other."""
    failing = estate.requests(ROUND_SPANS // 4, PER_REQUEST, failing=True)
    shutil.rmtree(folder, ignore_errors=True)
    with watching(folder, WINDOW_S) as server:
        begin = (time.time() // WINDOW_S + 4 + phase) * WINDOW_S
        stretch(server, rounds, begin - 1.0 - time.time(), AIMS["rate"] / 2)
        time.sleep(max(0.0, begin - time.time()))
        took = until_incident(server, failing, rounds, AIMS["rate"] / 10)
        server.stop()
    return took


def _bound(folder: Path, _: Estate, rounds: list[list[Request]], options: argparse.Namespace) -> None:
    """As fast as it goes with little memory: it is to refuse, and not to grow."""
    with watching(folder, WINDOW_S, EPICENTER_LIMITS_MEMORY_BYTES=str(_BOUND_MIB * 2**20)) as server:
        bound = stretch(server, rounds, max(_STEADY_S, options.seconds / 3))
        print(f"bounded   {bound}")
        _tell(f"memory where {_BOUND_MIB} MiB are allowed", max(bound.together_mib), "MiB", _BOUND_MIB)
        server.stop()


def _restart(folder: Path, _: Estate, rounds: list[list[Request]], __: argparse.Namespace) -> None:
    """Start again on an hour of windows of the usual length."""
    an_hour(folder, rounds)
    with watching(folder, HOUR_WINDOW_S) as server:
        _tell("restart on an hour to the first look", server.first_look_s(), "s", AIMS["again_s"])
        print(f"  ready after {server.ready_s:.1f} s; {server.cpu_s():.1f} s of CPU, {server.resident_mib():,.0f} MiB")
        server.stop()


def _hour(folder: Path, _: Estate, __: list[list[Request]], options: argparse.Namespace) -> None:
    """An hour and a half of the flagship in so many seconds, a minute at the least."""
    told = hour(folder, WINDOW_S, max(60.0, options.seconds))
    print(
        f"90 minutes of the flagship: {told.sent:,} spans sent, {told.dropped:,} not delivered, {told.kept:,} kept, "
        f"{max(told.memory_mib):,.0f} MiB at the most, {told.growth_mib:+,.0f} MiB from the third quarter to the last, "
        f"{told.incidents:.0f} incident open at its end"
    )
    _tell("memory from the third quarter to the last", told.growth_mib, "MiB", _GROWTH * max(told.memory_mib))
    _tell("sent and not there", told.sent - told.kept, "", 0)
    _tell("incidents", told.incidents, "", -1)


def _until(told: Callable[[], bool], patience_s: float = 60.0) -> None:
    deadline = time.monotonic() + patience_s
    while not told():
        if time.monotonic() > deadline:
            raise AssertionError("it did not come about")
        time.sleep(0.1)


def _tell(what: str, value: float, unit: str, aim: float) -> None:
    """One figure beside its aim; an aim below 0 is the least."""
    met = value >= -aim if aim < 0 else value <= aim
    print(f"  {what:32} {value:10,.2f} {unit:3} (aim: {abs(aim):,.0f}{'' if met else ', missed'})")


if __name__ == "__main__":
    subprocess.run([sys.executable, "-m", "benchmarks", "live", *sys.argv[1:]], check=True)
