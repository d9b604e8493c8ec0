"""The change events of a world: what writers, guards and people did to it."""

from __future__ import annotations

from dataclasses import replace

from .estate import Estate
from .history import Change
from .simulation import Books

PEOPLE = "operators"


def changes_of(estate: Estate, books: Books) -> tuple[Change, ...]:
    """All of them in order of time, in Unix seconds."""
    rows = [*books.dns.changes, *books.balancer.changes, *_by_people(estate)]
    return tuple(replace(row, time=estate.start + row.time) for row in sorted(rows, key=lambda row: row.time))


def _by_people(estate: Estate) -> list[Change]:
    manager, launches, balancing = estate.lease_manager, estate.launches, estate.balancing
    limited = f"at most {manager.outstanding} leases under way at a time"
    rows = [
        Change(manager.throttle_s, "throttle", manager.service, PEOPLE, detail=limited),
        Change(manager.throttle_s, "restart", manager.service, PEOPLE, detail="hosts restarted, queues emptied"),
        Change(balancing.off_s, "failover", balancing.balancer.name, PEOPLE, detail="automatic failover off"),
        Change(balancing.on_s, "failover", balancing.balancer.name, PEOPLE, detail="automatic failover on"),
    ]
    for step in launches.throttles:
        detail = f"launches limited to {step.per_s:.2f} a second"
        rows.append(Change(step.at_s, "throttle", launches.service, PEOPLE, detail=detail))
    return rows
