"""What the shop consists of: who serves, who calls whom, and where each one listens."""

from __future__ import annotations

import os
from dataclasses import dataclass

ZONE = "shop.test"  # RFC 6761 keeps .test for such use
PORT = int(os.environ.get("LAB_PORT", "8080"))


@dataclass(frozen=True)
class Service:
    """One service: its name, how it is served, and the conventions its telemetry follows.

    server: waitress (WSGI) or uvicorn (ASGI).
    semconv: value of OTEL_SEMCONV_STABILITY_OPT_IN; "" leaves the old HTTP attribute names, as most
        estates do, so that a recording holds both dialects.
    """

    name: str
    server: str
    calls: tuple[str, ...] = ()
    semconv: str = ""

    @property
    def host(self) -> str:
        """The name under which the others reach it."""
        return host(self.name)


SERVICES = (
    Service("front", "waitress", calls=("orders", "catalog", "reviews"), semconv="http"),
    Service("orders", "waitress", calls=("catalog", "pricing")),
    Service("catalog", "uvicorn"),
    Service("pricing", "uvicorn", semconv="http"),
    Service("reviews", "uvicorn"),
)


def host(name: str) -> str:
    """The host name of a service."""
    return f"{name}.{ZONE}"


def url(name: str) -> str:
    """Where a service is called: by name, so that every new connection asks the DNS server."""
    return f"http://{host(name)}:{PORT}"


def addresses(network: str) -> dict[str, str]:
    """Host name -> its own loopback address in `network`, the first three parts of an IPv4 address."""
    return {service.host: f"{network}.{number}" for number, service in enumerate(SERVICES, start=11)}


def callers(name: str) -> tuple[str, ...]:
    """Every service that reaches `name` directly or through others, nearest first."""
    found: list[str] = []
    wave = [name]
    while wave:
        wave = [s.name for s in SERVICES if s.name not in found and any(callee in s.calls for callee in wave)]
        found += wave
    return tuple(found)
