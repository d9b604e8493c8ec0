"""Whose answers a resolver's codes are: of a zone, of a name, or of a server."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from .base import Finding
from .dns_failures import AGAIN, KINDS, VAGUE

BY_SERVER = {"dns_server_responses": "dns_server_requests", "dns_wire_responses": "dns_wire_requests"}
"""The answers of single servers and the questions to them: as they count them, and as they are counted on the wire.

What two count of one server may go by two names, so that each is judged by itself.
"""

ANSWERS = ("dns_responses", *BY_SERVER)
"""Answers by zone or name, and by server."""

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


def codes_about(name: str, failure: str, findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """What resolvers' codes say of how a name fails: those of its zones, and of servers, whichever asked them.

    Those of the name itself are its own.
    """
    codes = [f for f in findings if f.detector == "dns_rcodes" and f.component != name]
    fitting = [f for f in codes if str(f.facts["failure"]) in possible(failure)]
    return tuple(f for f in fitting if f.facts["counted"] in BY_SERVER or within_zone(name, f.component))
