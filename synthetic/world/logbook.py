"""The change events of a world: what writers, guards and people did to it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from .estate import Estate
from .history import Change
from .simulation import Mechanisms

PEOPLE = "operators"


def changes_of(estate: Estate, mechanisms: Mechanisms) -> tuple[Change, ...]:
    """All of them in order of time, in Unix seconds."""
    rows = [change for event in estate.events for change in event.changes()]
    rows += _by_people(estate)
    if mechanisms.names.machine is not None:
        rows += mechanisms.names.machine.changes
    if mechanisms.balancer is not None:
        rows += mechanisms.balancer.changes
    inside = (row for row in rows if row.time < estate.duration_s)
    return tuple(replace(row, time=estate.start + row.time) for row in sorted(inside, key=lambda row: row.time))


def _by_people(estate: Estate) -> Iterator[Change]:
    manager, launches, balancing = estate.lease_manager, estate.launches, estate.balancing
    if manager is not None:
        limited = f"at most {manager.outstanding} leases under way at a time"
        yield Change(manager.throttle_s, "throttle", manager.service, PEOPLE, detail=limited)
        yield Change(manager.throttle_s, "restart", manager.service, PEOPLE, detail="hosts restarted, queues emptied")
    if balancing is not None:
        name = balancing.balancer.name
        yield Change(balancing.off_s, "failover", name, PEOPLE, detail="automatic failover off")
        yield Change(balancing.on_s, "failover", name, PEOPLE, detail="automatic failover on")
    for step in () if launches is None else launches.throttles:
        detail = f"launches limited to {step.per_s:.2f} a second"
        yield Change(step.at_s, "throttle", launches.service if launches else "", PEOPLE, detail=detail)
