"""Scrapes over ticks: what counters and gauges of a job, or of one of its pods, stand at when they are scraped."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ...world.history import History
from ..looks import INSTANCES
from .base import Flags, Floats, Ints, scrape_times

_LOST = 0.5
"""From this share of lost telemetry on, a scrape fails as a whole."""
_SHARES = np.array([1.04, 1.0, 0.96])[:, None]
"""No balancer spreads requests quite evenly (assumed)."""


@dataclass(frozen=True)
class Part:
    """A job, or one pod of it.

    pod: its number, or None for the whole job. share: [T] of the job's requests, or 1. running: [K] it runs.
    there: [K] it runs and its telemetry arrives. since: [K] the scrape before its last start, -1 for the world's start.
    """

    pod: int | None
    share: Floats
    running: Flags
    there: Flags
    since: Ints


class Grid:
    """K scrapes of a history, `every_s` apart, a multiple of its tick."""

    def __init__(self, history: History, every_s: float) -> None:
        self.history = history
        self.every_s = every_s
        self.times = scrape_times(history, every_s)
        # what a scrape sees is the state at the end of the last whole tick
        self.ticks = np.floor((self.times - history.start) / history.tick_s + 1e-9).astype(np.int64)
        self._index = {service.name: s for s, service in enumerate(history.services)}
        self._parts: dict[tuple[str, bool], tuple[Part, ...]] = {}

    def parts(self, job: str, *, pods: bool = False) -> tuple[Part, ...]:
        """The job as a whole, or its pods; "" and other names that are no service stand for what never restarts."""
        pods = pods and job in self._index
        if (job, pods) not in self._parts:
            self._parts[job, pods] = self._pods(job) if pods else (self._whole(job),)
        return self._parts[job, pods]

    def counter(self, flow: Floats, part: Part) -> Floats:
        """[..., K] a flow [..., T] of the part's job added up since the part's last start, its own share of it."""
        sums = np.cumsum(flow * part.share, axis=-1)
        total = np.concatenate([np.zeros((*sums.shape[:-1], 1)), sums], axis=-1)[..., self.ticks]
        return self.since(total, part)

    def since(self, total: Floats, part: Part) -> Floats:
        """[..., K] a counter that began anew at each start of the part."""
        return total - np.where(part.since >= 0, total[..., np.maximum(part.since, 0)], 0.0)

    def state(self, values: Floats) -> Floats:
        """[..., K] a per-tick value [..., T] as the scrape finds it."""
        return values[..., np.maximum(self.ticks - 1, 0)]

    def rate(self, flow: Floats) -> Floats:
        """[..., K] a flow [..., T] per second, as it was in the tick before the scrape."""
        return self.state(flow) / self.history.tick_s

    def lost(self, job: str) -> Flags:
        """[K] scrapes of the job that fail, because most of its telemetry is lost."""
        if job not in self._index:
            return np.zeros(len(self.ticks), np.bool_)
        return self.state(self.history.lost[:, self._index[job]]) >= _LOST

    @cached_property
    def alive(self) -> Mapping[str, Flags]:
        """Service -> [INSTANCES, T] pods that run: of those that do not, the last."""
        pods = np.arange(INSTANCES)[:, None]
        running = np.ceil(self.history.up * INSTANCES - 1e-9)
        return {name: pods < running[:, s] for name, s in self._index.items()}

    @cached_property
    def starts(self) -> Mapping[str, Ints]:
        """Service -> the scrapes before each start of all its pods at once, by deploys and restarts."""
        found: dict[str, list[int]] = {}
        for change in self.history.changes:
            if change.kind in ("deploy", "restart"):
                before = int(np.searchsorted(self.times, change.time, side="right")) - 1
                if 0 <= before < len(self.times):
                    found.setdefault(change.target, []).append(before)
        return {name: np.array(sorted(before), np.int64) for name, before in found.items()}

    def _whole(self, job: str) -> Part:
        running = np.ones(len(self.ticks), np.bool_)
        return Part(None, np.ones(1), running, ~self.lost(job), self._since(job, running))

    def _pods(self, job: str) -> tuple[Part, ...]:
        alive = self.alive[job]
        share = np.where(alive.any(axis=0), alive, True) * _SHARES
        share = share / share.sum(axis=0)
        seen = self.state(alive.astype(float)) > 0
        lost = self.lost(job)
        return tuple(Part(i, share[i], seen[i], seen[i] & ~lost, self._since(job, seen[i])) for i in range(INSTANCES))

    def _since(self, job: str, seen: Flags) -> Ints:
        base = np.full(len(seen), -1, np.int64)
        base[1:][seen[1:] & ~seen[:-1]] = np.flatnonzero(seen[1:] & ~seen[:-1])
        before = self.starts.get(job, np.zeros(0, np.int64))
        before = before[before + 1 < len(seen)]
        base[before + 1] = np.maximum(base[before + 1], before)
        return np.maximum.accumulate(base)
