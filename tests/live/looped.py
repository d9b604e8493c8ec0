"""A loop without a network."""

from __future__ import annotations

from pathlib import Path

from prometheus_client import CollectorRegistry

from epicenter.live.config import Config, Keep, Limits, Windows
from epicenter.live.core import Core
from epicenter.live.feed import Feed
from epicenter.live.folding import Fold, fold_here
from epicenter.live.guard import MemoryGuard
from epicenter.live.incidents import Incidents
from epicenter.live.loop import Loop
from epicenter.live.metrics import Metrics
from epicenter.live.store import Store
from epicenter.live.windows import LiveWindows
from tests.collector.told import T0

FAILURES = "epicenter_analysis_failures_total"


class Server:
    """A loop without a network, and what it works on. fold: makes segments parts of recordings."""

    def __init__(self, folder: Path, fold: Fold = fold_here, limits: Limits | None = None) -> None:
        self.registry, config = CollectorRegistry(), Config(windows=Windows(window_s=10))
        self.windows = LiveWindows(config.windows, limits or Limits())
        self.store = Store(folder, Keep(), monotonic=lambda: 0.0, report=print, fold=fold)
        metrics, guard = Metrics(self.registry, config, T0), MemoryGuard(2**40, lambda: 0)
        self.core = Core(self.store.wal, self.windows, guard, metrics, lambda: 0.0)
        incidents = Incidents([], 10, lambda _: None)
        self.loop = Loop(
            self.windows, self.store, self.core, incidents, Feed(), metrics, guard, lambda: T0 + 1.0, lambda: 0.0
        )
