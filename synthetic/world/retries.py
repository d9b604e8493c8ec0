"""Retries, at once or parked for later ticks."""

from __future__ import annotations

import numpy as np

from .history import Edge, Floats


class Parked:
    """Calls between a failed attempt and a later retry, by the tick in which they come back.

    Attempts of one call meet the same conditions: a call that failed while a share p of attempts failed
    fails again as long as the share is no smaller, and succeeds with 1 - p'/p once it has fallen to p'.
    """

    def __init__(self, edges: tuple[Edge, ...], tick_s: float) -> None:
        self.retries = np.array([edge.retries for edge in edges], dtype=float)
        self.parks = np.array([edge.backoff_s > tick_s and edge.calls_per_request > 0 for edge in edges]) & (
            self.retries > 0
        )
        stages = int(self.retries[self.parks].max(initial=0))
        pauses = [[edge.backoff_s * edge.backoff_growth**stage / tick_s for edge in edges] for stage in range(stages)]
        rounded = np.round(np.array(pauses, dtype=float).reshape(stages, len(edges)))
        self.pause = (np.maximum(1, rounded) * self.parks).astype(np.int64)
        self.last = self.retries.astype(np.int64)
        slots = int(self.pause.max(initial=0)) + 1
        # [slot, stage, edge]: calls that come back, and the same divided by the share that failed when they left
        self.due = np.zeros((slots, stages, len(edges)))
        self.due_per_share = np.zeros_like(self.due)

    def take(self, tick: int) -> tuple[Floats, Floats]:
        """The calls that come back in a tick [stage, edge], and the same per share that had failed."""
        slot = tick % len(self.due)
        back, per_share = self.due[slot].copy(), self.due_per_share[slot].copy()
        self.due[slot] = 0.0
        self.due_per_share[slot] = 0.0
        return back, per_share

    def park(self, tick: int, stage: int, calls: Floats, share: Floats) -> Floats:
        """Put calls that failed at a stage [edge] aside for their next try; returns those that had their last."""
        may = self.parks & (stage < self.last)
        if stage < len(self.pause):
            for edge in np.flatnonzero(may & (calls > 0)):
                slot = (tick + self.pause[stage, edge]) % len(self.due)
                self.due[slot, stage, edge] += calls[edge]
                self.due_per_share[slot, stage, edge] += calls[edge] / max(share[edge], 1e-12)
        return np.where(may, 0.0, calls)

    @property
    def count(self) -> Floats:
        """[E] Calls put aside."""
        return self.due.sum(axis=(0, 1))
