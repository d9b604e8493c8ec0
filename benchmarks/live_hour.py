"""An hour and a half of the flagship, played at speed into the live server: nothing lost, and memory that stays.

The outage begins in the last hour of it, so that an incident is open at its end.
"""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from prometheus_client import CollectorRegistry

from epicenter.synthetic import simulate
from epicenter.synthetic.telemetry.live import WallClock, play

from .live_server import Server, watching
from .live_stock import stored

SCENARIO, HOUR_S = "aws-dynamodb-2025", 5400.0
SPANS_PER_SECOND = 20.0
"""Of the world's time."""
_LOOKS = 3
"""Windows after the end in which the incident must show: the last of them is open when the play ends."""


@dataclass
class Hour:
    """What the hour came to; memory_mib: once a second."""

    sent: int
    dropped: int
    kept: int
    memory_mib: list[float] = field(default_factory=list[float])
    incidents: float = 0.0

    @property
    def growth_mib(self) -> float:
        """From the third quarter of the time to the last, in the middle of each: the first half fills what is kept."""
        quarter = max(1, len(self.memory_mib) // 4)
        return float(np.median(self.memory_mib[-quarter:]) - np.median(self.memory_mib[-2 * quarter : -quarter]))


def hour(folder: Path, window_s: int, seconds: float) -> Hour:
    """Play it in so many seconds."""
    history = simulate(SCENARIO)
    logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)
    with watching(folder, window_s) as server:
        memory: list[float] = []
        over = threading.Event()
        watcher = threading.Thread(target=_note, args=(server, memory, over))
        watcher.start()
        played = play(
            history,
            otlp=f"http://127.0.0.1:{server.http}",
            registry=CollectorRegistry(),
            speed=HOUR_S / seconds,
            spans_per_second=SPANS_PER_SECOND,
            seed=0,
            clock=WallClock(),
            until=history.start + HOUR_S,
        )
        deadline = time.monotonic() + _LOOKS * window_s
        while not (incidents := server.value("epicenter_incident_open")) and time.monotonic() < deadline:
            time.sleep(0.2)
        over.set()
        watcher.join()
        kept = stored(folder, server.stop)
    return Hour(played.spans, round(played.dropped), kept.spans, memory, incidents)


def _note(server: Server, memory: list[float], over: threading.Event) -> None:
    while not over.wait(1.0):
        memory.append(server.resident_mib())
