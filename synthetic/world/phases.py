"""The stretches of a world, each with one character, as its books show them; seconds from the start."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .books import Flows
from .estate import Estate
from .history import CacheUse, Floats
from .simulation import Mechanisms

FAILING_SHARE = 0.03
"""A service is affected while this share of its requests fails, far above the noise of calm weather (0.1 %)."""
SLOW_FACTOR = 10.0
"""Propagation is behind while it takes this many times its ordinary delay."""
FLIPS_PER_MINUTE = 5.0
"""Targets flap while this many flips a minute happen; calm weather has less than one in five minutes."""
COLD = 0.8
"""A cache is cold while its hit rate is less than this share of what it is on a calm day."""
DOWN = 0.05
"""A fleet restarts while more than this share of its instances is down."""

Flags = NDArray[np.bool_]
Span = tuple[float, float]


def stretches_of(estate: Estate, mechanisms: Mechanisms, flows: Flows, caches: tuple[CacheUse, ...]) -> dict[str, Span]:
    """Phase -> start and end; those that happened."""
    during: dict[str, Flags] = {}
    during |= _names(estate, mechanisms)
    during |= _control_planes(estate, mechanisms)
    for use in caches:
        during["cache cold"] = _is_cold(use, estate.tick_s)
    fleets = [estate.services[s].name for s in range(len(estate.services))]
    for fleet in estate.fleets:
        during[f"{fleet.service} restarting"] = flows.up[:, fleets.index(fleet.service)] < 1.0 - DOWN
    users = [s for s, service in enumerate(estate.services) if service.user_facing]
    if estate.cause is not None and users:
        failing = _smooth(failing_shares(flows)[:, users].max(axis=1), round(30.0 / estate.tick_s))
        during["users affected"] = failing > FAILING_SHARE
    spans = {name: _span(flags, estate.tick_s) for name, flags in during.items()}
    found = {name: span for name, span in spans.items() if span is not None}
    if "record empty" in found:
        found["record empty"] = _emptied(estate, mechanisms, found["record empty"])
    cause = estate.cause
    if cause is not None and cause.at_s is not None:
        until = estate.duration_s if cause.until_s is None else min(cause.until_s, estate.duration_s)
        found["trigger"] = (cause.at_s, until)
    return found


def failing_shares(flows: Flows) -> Floats:
    """[T, S] Share of requests that fail."""
    return np.divide(flows.failed, flows.arrivals, out=np.zeros_like(flows.failed), where=flows.arrivals > 1e-9)


def _names(estate: Estate, mechanisms: Mechanisms) -> dict[str, Flags]:
    machine = estate.naming.machine
    if machine is not None:
        answers, seen = mechanisms.names.authority[machine.record], mechanisms.names.seen.get(machine.record)
        empty = answers == 0
        cached = np.zeros_like(empty) if seen is None else ~empty & (seen == 0).any(axis=1)
        return {"record empty": empty, "empty answers cached": cached}
    bad = np.zeros(len(mechanisms.times_s), np.bool_)
    for name, seen in mechanisms.names.seen.items():
        bad |= (mechanisms.names.authority[name] > 0) & (seen <= 0).any(axis=1)
    return {"bad answers cached": bad} if (estate.cause or None) and bad.any() else {}


def _control_planes(estate: Estate, mechanisms: Mechanisms) -> dict[str, Flags]:
    found: dict[str, Flags] = {}
    if mechanisms.leases is not None:
        work = mechanisms.leases.work
        held_back = work.live + work.held > 0
        restarted = int(np.argmax(work.dropped > 0)) if work.dropped.any() else len(held_back)
        found["lease collapse"] = held_back
        found["lease recovery under throttle"] = held_back & (np.arange(len(held_back)) >= restarted)
    if estate.launches is not None and mechanisms.launches is not None:
        launches = mechanisms.launches
        slow = launches.delay_s > SLOW_FACTOR * estate.launches.launching.floor_s
        found |= {"network propagation behind": slow, "launches throttled": launches.throttled > 0}
    if mechanisms.balancer is not None:
        minute = max(1, round(60.0 / estate.tick_s))
        flips = np.convolve(mechanisms.balancer.flips.sum(axis=1), np.ones(minute), mode="same")
        found["health checks flapping"] = flips > FLIPS_PER_MINUTE
    return found


def _is_cold(use: CacheUse, tick_s: float) -> Flags:
    looked_up = use.hits + use.misses
    rate = np.divide(use.hits, looked_up, out=np.ones(len(looked_up)), where=looked_up > 0)
    usual = float(np.median(rate[: max(1, round(300.0 / tick_s))]))
    return _smooth(rate, round(10.0 / tick_s)) < COLD * usual


def _emptied(estate: Estate, mechanisms: Mechanisms, span: Span) -> Span:
    """The moments, to the second, at which the record lost its addresses and had them again."""
    machine, books = estate.naming.machine, mechanisms.names.machine
    if machine is None or books is None:
        return span
    rows = [row for row in books.changes if row.target == machine.record and row.answers is not None]
    start = next(row.time for row in rows if row.answers == 0)
    end = next((row.time for row in rows if row.time > start and row.answers), span[1])
    return start, end


def _smooth(values: Floats, ticks: int) -> Floats:
    """Running mean."""
    width = max(1, ticks)
    total = np.concatenate(([0.0], np.cumsum(values)))
    low = np.maximum(0, np.arange(len(values)) - width + 1)
    high = np.arange(1, len(values) + 1)
    return (total[high] - total[low]) / (high - low)


def _span(flags: Flags, tick_s: float) -> Span | None:
    """From the first tick to the end of the last one that is flagged."""
    ticks = np.flatnonzero(flags)
    return (float(ticks[0] * tick_s), float((ticks[-1] + 1) * tick_s)) if len(ticks) else None
