"""The truth about a world, measured from its books."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..truth import TruePhase, Truth
from .engine import Flows
from .estate import Estate
from .simulation import Books

FAILING_SHARE = 0.03
"""A service is affected while this share of its requests fails, far above the noise of calm weather (0.1 %)."""
SUSTAINED_S = 60.0
"""So long must it last: a single bad tick is noise."""
SLOW_FACTOR = 10.0
"""Propagation is behind while it takes this many times its ordinary delay."""
FLIPS_PER_MINUTE = 5.0
"""Targets flap while this many flips a minute happen; calm weather has less than one in five minutes."""


def truth_of(estate: Estate, books: Books, flows: Flows) -> Truth:
    """The labels of the incident; ValueError if the record never lost its addresses, since then there is none."""
    stretches = _stretches(estate, books)
    if "record empty" not in stretches:
        raise ValueError(f"{estate.naming.record} never lost its addresses in this world")
    trigger_start, trigger_end = stretches["record empty"]
    affected, last_s = _affected(estate, books, flows)
    collapse = stretches.get("lease collapse")
    work, manager = books.leases.work, estate.lease_manager
    storm = bool(collapse is not None and work.retried.sum() > work.started.sum())
    stuck_s = 0.0 if collapse is None else _longest(work.done == 0, work.live > 0) * estate.tick_s
    ends = [end for _, end in stretches.values()]
    at = estate.start
    return Truth(
        root_component=estate.naming.record,
        root_aliases=(estate.naming.service,),
        root_kind="dns.empty_record",
        dns_role="root",
        dns_failure="nodata",
        storm=storm,
        metastable=bool(storm and stuck_s > 5.0 * manager.leases.timeout_s),
        storm_edges=((manager.service, manager.droplets),) if storm else (),
        storm_start=at + collapse[0] if storm and collapse else None,
        storm_end=at + collapse[1] if storm and collapse else None,
        trigger_start=at + trigger_start,
        trigger_end=at + trigger_end,
        incident=(at + trigger_start, at + max([last_s, *ends])),
        affected={name: at + onset for name, onset in affected.items()},
        phases=tuple(
            TruePhase(name, at + start, at + end)
            for name, (start, end) in sorted(stretches.items(), key=lambda item: item[1])
        ),
    )


def _stretches(estate: Estate, books: Books) -> dict[str, tuple[float, float]]:
    """Phase -> start and end in seconds from the world's start; those that happened."""
    work, launches, tick_s = books.leases.work, books.launches, estate.tick_s
    minute = max(1, round(60.0 / tick_s))
    flips = np.convolve(books.balancer.flips.sum(axis=1), np.ones(minute), mode="same")
    held_back = work.live + work.held > 0
    restarted = int(np.argmax(work.dropped > 0)) if work.dropped.any() else len(held_back)
    ticks = np.arange(len(held_back))
    empty = books.answers == 0
    cached = ~empty & (books.seen == 0).any(axis=1)
    during = {
        "record empty": empty,
        "empty answers cached": cached,
        "lease collapse": held_back,
        "lease recovery under throttle": held_back & (ticks >= restarted),
        "network propagation behind": launches.delay_s > SLOW_FACTOR * estate.launches.launching.floor_s,
        "health checks flapping": flips > FLIPS_PER_MINUTE,
        "launches throttled": launches.throttled > 0,
    }
    spans = {name: _span(flags, tick_s) for name, flags in during.items()}
    found = {name: span for name, span in spans.items() if span is not None}
    if "record empty" in found:
        found["record empty"] = _emptied(estate, books, found["record empty"])
    return found


def _emptied(estate: Estate, books: Books, span: tuple[float, float]) -> tuple[float, float]:
    """The moments, to the second, at which the record lost its addresses and had them again."""
    rows = [row for row in books.dns.changes if row.target == estate.naming.record and row.answers is not None]
    start = next(row.time for row in rows if row.answers == 0)
    end = next((row.time for row in rows if row.time > start and row.answers), span[1])
    return start, end


def _span(flags: NDArray[np.bool_], tick_s: float) -> tuple[float, float] | None:
    """From the first tick to the end of the last one that is flagged."""
    ticks = np.flatnonzero(flags)
    return (float(ticks[0] * tick_s), float((ticks[-1] + 1) * tick_s)) if len(ticks) else None


def _longest(*flags: NDArray[np.bool_]) -> int:
    """Length of the longest run of ticks in which all flags are set."""
    edges = np.flatnonzero(np.diff(np.concatenate(([0], np.logical_and.reduce(flags).astype(np.int8), [0]))))
    return int((edges[1::2] - edges[::2]).max(initial=0))


def _affected(estate: Estate, books: Books, flows: Flows) -> tuple[dict[str, float], float]:
    """Service -> onset, in order of onset, and when the last of them was well again; seconds from the start."""
    minute = max(1, round(SUSTAINED_S / estate.tick_s))
    onsets: dict[str, float] = {}
    last_s = 0.0
    for s, service in enumerate(estate.services):
        share = np.divide(
            flows.failed[:, s], flows.arrivals[:, s], out=np.zeros(len(flows.failed)), where=flows.arrivals[:, s] > 0
        )
        _note(onsets, service.name, _sustained(share > FAILING_SHARE, minute), estate.tick_s)
        bad = np.flatnonzero(_sustained(share > FAILING_SHARE, minute))
        last_s = max(last_s, float((bad[-1] + 1) * estate.tick_s) if len(bad) else 0.0)
    _note(onsets, estate.balancing.balancer.name, _sustained(books.balancer.out.max(axis=1) > 0, minute), estate.tick_s)
    slow = books.launches.delay_s > SLOW_FACTOR * estate.launches.launching.floor_s
    _note(onsets, estate.launches.manager, _sustained(slow, minute), estate.tick_s)
    return dict(sorted(onsets.items(), key=lambda item: item[1])), last_s


def _note(onsets: dict[str, float], name: str, flags: NDArray[np.bool_], tick_s: float) -> None:
    if flags.any() and name not in onsets:
        onsets[name] = float(np.argmax(flags) * tick_s)


def _sustained(flags: NDArray[np.bool_], ticks: int) -> NDArray[np.bool_]:
    """The ticks that belong to a run of at least so many flagged ticks."""
    starts = np.convolve(flags.astype(float), np.ones(ticks), mode="valid") > ticks - 0.5
    return np.convolve(starts.astype(float), np.ones(ticks), mode="full") > 0.5
