"""What really happened, told by the script that made it happen."""

from __future__ import annotations

from typing import Any

from .estate import callers, host
from .users import Visit

KINDS = {
    "nodata": "dns.empty_record",
    "nxdomain": "dns.nxdomain",
    "servfail": "dns.servfail",
    "timeout": "dns.resolver_down",
    "stale": "dns.stale_record",
    "kill": "crash",
    "hang": "slow",
}
PROCESS = ("kill", "hang")
"""Faults of a service's process; the others are of its name."""


def describe(fault: str, target: str, marks: dict[str, float], visits: list[Visit]) -> dict[str, Any]:
    """The truth of one recording.

    marks: Unix seconds of "load", "fault", "repair" and "end"; without a fault only the first and the last.
    """
    common = {"run": fault, "marks": marks, "users": {}, "storm": False, "metastable": False}
    nothing = {"storm_edges": [], "storm_start": None, "storm_end": None}
    if fault == "none":
        spans = {"calm": (marks["load"], marks["end"])}
        rest = {"incident": False, "root_component": None, "root_aliases": [], "root_kind": None}
        rest |= {"dns_role": "none", "dns_failure": None, "trigger_start": None, "trigger_end": None, "affected": []}
    else:
        spans = {
            "calm": (marks["load"], marks["fault"]),
            "fault": (marks["fault"], marks["repair"]),
            "after": (marks["repair"], marks["end"]),
        }
        rest = root(fault, target) | {
            "incident": True,
            "trigger_start": marks["fault"],
            "trigger_end": marks["repair"],
            "affected": list(callers(target)),
        }
    phases = [{"name": name, "started_at": start, "ended_at": end} for name, (start, end) in spans.items()]
    users = {name: experience(visits, start, end) for name, (start, end) in spans.items()}
    return common | nothing | rest | {"phases": phases, "users": users}


def root(fault: str, target: str) -> dict[str, Any]:
    """Where the incident began: the name itself, or the service whose process was killed or stopped."""
    names = [host(target), target]
    dns = fault not in PROCESS
    return {
        "root_component": names[0] if dns else names[1],
        "root_aliases": names[1:] if dns else names[:1],
        "root_kind": KINDS[fault],
        "dns_role": "root" if dns else "innocent",
        "dns_failure": fault if dns else None,
    }


def experience(visits: list[Visit], start: float, end: float) -> dict[str, float]:
    """How many users came in [start, end), what share was served, and their 95th percentile in seconds."""
    seen = sorted((v.duration_s, v.ok) for v in visits if start <= v.at < end)
    if not seen:
        return {"n": 0}
    ok = sum(1 for _, good in seen if good) / len(seen)
    return {"n": len(seen), "ok": round(ok, 4), "p95_s": round(seen[int(0.95 * len(seen))][0], 3)}
