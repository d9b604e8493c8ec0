"""One outage keeps one name from analysis to analysis, and past ones are still known after a restart."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from ..collector.aside import writing
from ..collector.errors import EpicenterError
from ..detectors.analysis import Analysis, BlindSpot, EarlyWarning, Incident
from ..detectors.kinds import HORIZON
from .feed import Snapshot, Tracked

_GONE_AFTER = 3
"""Analyses in a row that know nothing of an open incident: one may be a flicker of late data."""

LOG = logging.getLogger(__name__)

_DECODER = msgspec.json.Decoder(Tracked)

Save = Callable[[Tracked], None]


class Incidents:
    """Names the incidents of one analysis after another; `save` is told of each that is new or has changed.

    known: those of an earlier run. most_past: how many that are over are listed.
    """

    def __init__(self, known: Iterable[Tracked], most_past: int, save: Save) -> None:
        self._tracked = {one.id: one for one in known}
        self._missed: dict[str, int] = {}
        self._most_past, self._save = most_past, save
        self._unsaved: set[str] = set()

    def update(self, analysis: Analysis, at: float, window_s: int) -> Snapshot:
        """The state after an analysis of the windows up to `at`."""
        for name in self._unsaved & self._tracked.keys():
            self._put(self._tracked[name])
        seen: set[str] = set()
        triggers = {one.incident.trigger.component for one in self._tracked.values()}
        # Of several at one time, those that are known are told apart by their triggers before a new one takes a name.
        for incident in sorted(analysis.incidents, key=lambda one: one.trigger.component not in triggers):
            name = self._same(incident, at, window_s, seen) or self._name(incident)
            seen.add(name)
            self._keep(name, incident, at)
        for name, one in list(self._tracked.items()):
            if one.closed_at is None and name not in seen:
                self._miss(one, at)
        self._missed = {name: count for name, count in self._missed.items() if name not in seen}
        return self.snapshot(at, window_s, analysis.blind_spots, analysis.warnings)

    def snapshot(
        self, at: float, window_s: int, blind: tuple[BlindSpot, ...] = (), warnings: tuple[EarlyWarning, ...] = ()
    ) -> Snapshot:
        """The state as it is, with what the data could not show, and what may come before harm."""
        still = sorted((one for one in self._tracked.values() if one.closed_at is None), key=_by_impact)
        past = sorted((one for one in self._tracked.values() if one.closed_at is not None), key=_by_end, reverse=True)
        for one in past[self._most_past :]:
            del self._tracked[one.id]
        return Snapshot(at, window_s, tuple(still), tuple(past[: self._most_past]), blind, warnings)

    def _same(self, incident: Incident, at: float, window_s: int, taken: set[str]) -> str | None:
        """The incident known already that this one goes on with: the two overlap, or nearly.

        Its bounds move as data come in; one that seemed over may turn out not to be.
        """
        slack = HORIZON * window_s
        start, end = incident.started_at, incident.ended_at or at

        def apart(one: Tracked) -> float:
            its_end = one.incident.ended_at or one.closed_at or at
            return max(start - its_end, one.incident.started_at - end, 0.0)

        others = [one for one in self._tracked.values() if one.id not in taken and apart(one) <= slack]

        def unlike(one: Tracked) -> tuple[float, bool, float]:
            other = one.incident.trigger.component != incident.trigger.component
            return apart(one), other, abs(one.incident.started_at - start)

        best = min(others, key=unlike, default=None)
        return best.id if best is not None else None

    def _name(self, incident: Incident) -> str:
        name = f"{datetime.fromtimestamp(incident.started_at, UTC):%Y%m%dT%H%M%SZ}"
        number = 1
        while (name if number == 1 else f"{name}-{number}") in self._tracked:
            number += 1
        return name if number == 1 else f"{name}-{number}"

    def _keep(self, name: str, incident: Incident, at: float) -> None:
        before = self._tracked.get(name)
        if before is not None and before.incident == incident:
            return
        self._put(Tracked(name, incident, at, closed_at=incident.ended_at))

    def _miss(self, one: Tracked, at: float) -> None:
        count = self._missed[one.id] = self._missed.get(one.id, 0) + 1
        if count >= _GONE_AFTER:
            self._put(replace(one, updated_at=at, closed_at=at))

    def _put(self, one: Tracked) -> None:
        self._tracked[one.id] = one
        try:
            self._save(one)
        except EpicenterError as error:  # a full disk must not hide what goes on
            if not self._unsaved:
                LOG.error("%s; it is tried again", error)
            self._unsaved.add(one.id)
        else:
            self._unsaved.discard(one.id)


def _by_impact(one: Tracked) -> tuple[float, float]:
    return -one.incident.impact, one.incident.started_at


def _by_end(one: Tracked) -> tuple[float, str]:
    return one.closed_at or 0.0, one.id


class IncidentFiles:
    """Incidents as JSON, one file each, in a folder of their own; the oldest go when there are more than `most`."""

    def __init__(self, folder: Path, most: int) -> None:
        self._folder, self._most = folder, most

    def read(self, report: Callable[[str], None]) -> list[Tracked]:
        """Those that were written; `report` takes a sentence on a file that is damaged."""
        found: list[Tracked] = []
        for path in sorted(self._folder.glob("*.json")):
            try:
                found.append(_DECODER.decode(path.read_bytes()))
            except (msgspec.MsgspecError, UnicodeDecodeError) as error:
                report(f"{path}: is left out, since it is no incident ({error})")
        return found

    def write(self, one: Tracked) -> None:
        """Write or replace one, whole or not at all; UnwritableOutput where the system refuses."""
        with writing(self._folder):
            self._folder.mkdir(parents=True, exist_ok=True)
            aside = self._folder / f"{one.id}.partial"
            with aside.open("wb") as file:
                file.write(msgspec.json.encode(one))
                file.flush()
                os.fsync(file.fileno())
            aside.rename(self._folder / f"{one.id}.json")
            for path in sorted(self._folder.glob("*.json"))[: -self._most]:
                path.unlink()
