"""The truth about a world, measured from its books."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from ...collector.model import ERROR_CLASSES
from ..truth import TruePhase, Truth
from .books import Flows
from .estate import Cause, Estate
from .history import CacheUse, Floats
from .phases import FAILING_SHARE, failing_shares, stretches_of
from .simulation import Mechanisms
from .storms import Storm, runs, storms_of

SUSTAINED_S = 60.0
"""So long must trouble last: a single bad tick is noise."""
SELF_HEALING_S = 900.0
"""A queue that drains by itself has done so by then; what still turns is a loop (retry experiments of 900 s)."""
DNS_CLASSES = sum(name.startswith("dns_") for name in ERROR_CLASSES)
"""They come first in `ERROR_CLASSES`."""
SYMPTOM_SHARE = 0.02
"""Failing look-ups are part of the trouble where so many more attempts fail at them than on calm days."""


def truth_of(estate: Estate, mechanisms: Mechanisms, flows: Flows, caches: tuple[CacheUse, ...]) -> Truth:
    """The labels of the incident, or of its absence.

    ValueError if the estate declares a cause that never came about, or whose mechanism tells of no trigger.
    """
    stretches = stretches_of(estate, mechanisms, flows, caches)
    cause = estate.cause
    if cause is None:
        return Truth.calm(affected=_affected(estate, mechanisms, flows)[0])
    start, end = _trigger(estate, cause, stretches)
    affected, last_s = _affected(estate, mechanisms, flows)
    after = {name: onset for name, onset in affected.items() if onset >= start - SUSTAINED_S}
    calm = slice(0, max(1, int(start / estate.tick_s)))
    storms = [s for s in _storms(estate, flows, calm) if s.end_s is None or s.end_s > end]
    loop = _loop(estate, mechanisms, stretches, storms, end)
    if loop.span is not None and "lease collapse" not in stretches:
        asked = {(fleet.service, fleet.store) for fleet in estate.fleets}
        stretches["restart herd" if set(loop.edges) <= asked else "retry storm"] = loop.span
    role, failure = _dns(estate, cause, flows, calm, end)
    at = estate.start
    return Truth(
        root_component=cause.component,
        root_aliases=cause.aliases,
        root_kind=cause.kind,
        dns_role=role,
        dns_failure=failure,
        storm=bool(loop.edges),
        metastable=loop.metastable,
        storm_edges=loop.edges,
        storm_start=None if loop.span is None else at + loop.span[0],
        storm_end=None if loop.span is None else at + loop.span[1],
        trigger_start=at + start,
        trigger_end=at + end,
        incident=(at + start, at + max([last_s, end, *(end for _, end in stretches.values())])),
        affected={name: at + onset for name, onset in after.items()},
        phases=tuple(
            TruePhase(name, at + first, at + last)
            for name, (first, last) in sorted(stretches.items(), key=lambda item: item[1])
        ),
    )


def _trigger(estate: Estate, cause: Cause, stretches: Mapping[str, tuple[float, float]]) -> tuple[float, float]:
    if cause.at_s is not None:
        until = estate.duration_s if cause.until_s is None else cause.until_s
        return cause.at_s, min(until, estate.duration_s)
    if "record empty" not in stretches:
        raise ValueError(f"{cause.component} never lost its addresses in this world")
    return stretches["record empty"]


class _Loop:
    """What kept the incident going after the trigger's end: edges, span in seconds, and whether it fed itself."""

    def __init__(
        self, edges: tuple[tuple[str, str], ...], span: tuple[float, float] | None, *, metastable: bool
    ) -> None:
        self.edges, self.span, self.metastable = edges, span, metastable


def _loop(
    estate: Estate,
    mechanisms: Mechanisms,
    stretches: Mapping[str, tuple[float, float]],
    storms: list[Storm],
    trigger_end: float,
) -> _Loop:
    manager, leases = estate.lease_manager, mechanisms.leases
    collapse = stretches.get("lease collapse")
    if manager is not None and leases is not None and collapse is not None:
        work = leases.work
        stuck = [b - a for a, b in runs((work.done == 0) & (work.live > 0), gap=0)]
        lasting = max(stuck, default=0) * estate.tick_s > 5.0 * manager.leases.timeout_s
        if work.retried.sum() > work.started.sum():
            return _Loop(((manager.service, manager.droplets),), collapse, metastable=lasting)
    if not storms:
        return _Loop((), None, metastable=_cold(stretches, trigger_end))
    start = max(trigger_end, min(storm.start_s for storm in storms))
    ends = [estate.duration_s if storm.end_s is None else storm.end_s for storm in storms]
    helped = any(trigger_end < change.time <= max(ends) for event in estate.events for change in event.changes())
    lasting = helped or max(ends) - trigger_end > SELF_HEALING_S or None in [storm.end_s for storm in storms]
    edges = [estate.edges[storm.edge] for storm in storms]
    names = sorted({(edge.client, edge.server) for edge in edges})
    return _Loop(tuple(names), (start, max(ends)), metastable=bool(lasting))


def _cold(stretches: Mapping[str, tuple[float, float]], trigger_end: float) -> bool:
    """A cache that was emptied and could not fill for long is a loop without retries."""
    cold = stretches.get("cache cold")
    return cold is not None and cold[1] - trigger_end > SELF_HEALING_S / 3


def _storms(estate: Estate, flows: Flows, calm: slice) -> tuple[Storm, ...]:
    index = {service.name: s for s, service in enumerate(estate.services)}
    callee = [index[edge.link or edge.server] for edge in estate.edges]
    pairs = {(fleet.service, fleet.store) for fleet in estate.fleets}
    driven = frozenset(e for e, edge in enumerate(estate.edges) if (edge.client, edge.server) in pairs)
    loaded = [index[load.service] for load in estate.loads]
    users = flows.entries[:, loaded].sum(axis=1)
    return storms_of(estate.edges, callee, driven, flows, users, estate.tick_s, calm)


def _dns(estate: Estate, cause: Cause, flows: Flows, calm: slice, trigger_end: float) -> tuple[str, str | None]:
    """The part that names played, and how look-ups failed."""
    if cause.kind.startswith("dns."):
        return "root", cause.dns_failure
    failures = flows.failures[:, :, :DNS_CLASSES].sum(axis=1)
    attempts = flows.attempts.sum(axis=1)
    during = slice(calm.stop, int(trigger_end / estate.tick_s) + 1)
    usual = failures[calm].sum(axis=0) / max(attempts[calm].sum(), 1.0)
    shares = failures[during].sum(axis=0) / max(attempts[during].sum(), 1.0) - usual
    if shares.sum() < SYMPTOM_SHARE:
        return "innocent", None
    return "symptom", ERROR_CLASSES[int(np.argmax(shares))].removeprefix("dns_")


def _affected(estate: Estate, mechanisms: Mechanisms, flows: Flows) -> tuple[dict[str, float], float]:
    """Service -> onset, in order of onset, and when the last of them was well again; seconds from the start."""
    minute = max(1, round(SUSTAINED_S / estate.tick_s))
    onsets: dict[str, float] = {}
    last_s = 0.0
    for service, share in zip(estate.services, failing_shares(flows).T, strict=True):
        bad = sustained(share > FAILING_SHARE, minute)
        _note(onsets, service.name, bad, estate.tick_s)
        last_s = max(last_s, float((np.flatnonzero(bad)[-1] + 1) * estate.tick_s) if bad.any() else 0.0)
    for name, flags in _elsewhere(estate, mechanisms).items():
        _note(onsets, name, sustained(flags, minute), estate.tick_s)
    return dict(sorted(onsets.items(), key=lambda item: item[1])), last_s


def _elsewhere(estate: Estate, mechanisms: Mechanisms) -> dict[str, NDArray[np.bool_]]:
    """Components whose trouble shows elsewhere than in failed requests."""
    found: dict[str, NDArray[np.bool_]] = {}
    if estate.balancing is not None and mechanisms.balancer is not None:
        found[estate.balancing.balancer.name] = mechanisms.balancer.out.max(axis=1) > 0
    if estate.launches is not None and mechanisms.launches is not None:
        found[estate.launches.manager] = mechanisms.launches.delay_s > 10.0 * estate.launches.launching.floor_s
    return found


def _note(onsets: dict[str, float], name: str, flags: NDArray[np.bool_], tick_s: float) -> None:
    if flags.any() and name not in onsets:
        onsets[name] = float(np.argmax(flags) * tick_s)


def sustained(flags: NDArray[np.bool_], ticks: int) -> NDArray[np.bool_]:
    """The ticks that belong to a run of at least so many flagged ticks."""
    if len(flags) < ticks:
        return np.zeros(len(flags), np.bool_)
    total = np.concatenate(([0], np.cumsum(flags)))
    whole = (total[ticks:] - total[:-ticks]) == ticks
    marks: Floats = np.zeros(len(flags) + 1)
    marks[: len(whole)] += whole
    marks[ticks : ticks + len(whole)] -= whole
    return np.cumsum(marks)[:-1] > 0
