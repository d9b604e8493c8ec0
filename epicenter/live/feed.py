"""What the server knows now, for everyone who shows it: the page, the metrics, the pushes to Alertmanager."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from ..detectors.analysis import BlindSpot, EarlyWarning, Incident


@dataclass(frozen=True)
class Tracked:
    """An incident under the one name that it keeps from analysis to analysis.

    updated_at: when the explanation last changed; closed_at: when it was over, None while it is open. Unix seconds.
    """

    id: str
    incident: Incident
    updated_at: float
    closed_at: float | None = None


@dataclass(frozen=True)
class Snapshot:
    """The state after one analysis: incidents with the greatest impact first, past ones with the newest first.

    at: Unix seconds up to which telemetry was looked at.
    """

    at: float
    window_s: int
    open: tuple[Tracked, ...] = ()
    past: tuple[Tracked, ...] = ()
    blind_spots: tuple[BlindSpot, ...] = ()
    warnings: tuple[EarlyWarning, ...] = ()


class Feed:
    """Holds the newest snapshot; used from one event loop."""

    def __init__(self) -> None:
        self.number = 0
        self.latest: Snapshot | None = None
        self._changed = asyncio.Condition()

    async def publish(self, snapshot: Snapshot) -> None:
        """Replace the newest snapshot and wake all who wait for one."""
        async with self._changed:
            self.latest, self.number = snapshot, self.number + 1
            self._changed.notify_all()

    async def after(self, number: int) -> tuple[int, Snapshot]:
        """The newest snapshot and its number, once there is one with another number than `number` (0: any)."""
        async with self._changed:
            await self._changed.wait_for(lambda: self.latest is not None and self.number != number)
            assert self.latest is not None
            return self.number, self.latest
