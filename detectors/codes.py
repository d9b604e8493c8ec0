"""Whose answers a resolver's codes are: of a zone, of a name, or of a server."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from ipaddress import ip_address

from .base import Finding
from .dns_failures import AGAIN, KINDS, VAGUE

ROOT = "."
"""The zone of every name, as which resolvers count what belongs to no other that they know."""


def possible(failure: str) -> Collection[str]:
    """The codes that a resolver may have given where its clients tell of this failure.

    Behind a time-out or a refusal of one server the next one says SERVFAIL, and the other way round.
    """
    if failure in (*AGAIN, "temporary"):
        return AGAIN
    return KINDS.keys() - set(VAGUE) if failure == "unspecified" else (failure,)


def within_zone(name: str, zone: str) -> bool:
    """Whether a name belongs to a zone, or is its own name."""
    return zone == ROOT or f".{name}".endswith(f".{zone}")


def is_server(component: str, names: Iterable[str]) -> bool:
    """Whether a component that codes were counted for is a server: it has an address or a port, or no dot at all, and
    none of the names in use ends in it."""
    host, _, port = component.rpartition(":")
    addressed = bool(host and port.isdigit()) or "." not in component or _is_address(component)
    return addressed and not any(within_zone(name, component) for name in names)


def _is_address(component: str) -> bool:
    try:
        ip_address(component)
    except ValueError:
        return False
    return True


def codes_about(name: str, failure: str, findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """What resolvers' codes say of how a name fails: those of its zones, and of servers, whichever asked them.

    Those of the name itself are its own.
    """
    codes = [f for f in findings if f.detector == "dns_rcodes" and f.component != name]
    fitting = [f for f in codes if str(f.facts["failure"]) in possible(failure)]
    return tuple(f for f in fitting if within_zone(name, f.component) or is_server(f.component, (name,)))
