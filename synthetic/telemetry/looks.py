"""The looks that spans can have: all texts and attributes of a span but its ids and times.

A world has a few hundred looks, and a million spans only point at them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ..world.history import Edge, History, Service
from .conventions import (
    client_attributes,
    client_span,
    resource,
    sdk_attributes,
    server_attributes,
    tells_resends,
)
from .mix import DEFAULT, Mix
from .odds import OK, OUTCOMES, SERVER
from .wording import Words, lookup_words, words

INSTANCES = 3
"""Instances of each service, one a zone."""

OWN = len(OUTCOMES)
"""The outcome "server" where the server failed for a reason of its own: a throttle answers 503, a broken call 500."""
VARIANTS = OWN + 1

HIDES_ATTEMPTS = ("python-botocore",)
"""Dialects whose one span covers all attempts of a call."""
WRAPS_ATTEMPTS = ("node-aws-sdk",)
"""Dialects that put a span of their own around the attempts of a call."""
SHOWS_LOOKUPS = ("node-http", "node-aws-sdk")
"""Dialects whose instrumentation records `dns.lookup` as a span."""


@dataclass(frozen=True)
class Look:
    """What a span shows beside ids and times; `exception` is its exception event's attributes, or None."""

    name: str
    kind: str
    service: str
    status: str
    message: str
    attributes: Mapping[str, str]
    exception: Mapping[str, str] | None = None


@dataclass
class Looks:
    """All looks of a world, and where to find each.

    server [S, 3]: ok, failed, failed for a reason of its own. timer [S, 3]: the same of work that nobody called.
    client [E, VARIANTS, tries]: by outcome, and by the attempts that came before.
    sdk, lookup [E, VARIANTS]: by the last outcome.
    resources [S * INSTANCES]: resource attributes, the instances of a service together.
    """

    all: list[Look] = field(default_factory=list[Look])
    server: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    timer: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    client: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    sdk: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    lookup: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    resources: list[Mapping[str, str]] = field(default_factory=list[Mapping[str, str]])

    def add(self, look: Look) -> int:
        """Register a look; return its index."""
        self.all.append(look)
        return len(self.all) - 1


def looks_of(history: History, mix: Mix = DEFAULT) -> Looks:
    """The looks of all spans that the world can emit, told as `mix` says."""
    looks = Looks()
    looks.server = np.array([[looks.add(_server(s, i, mix)) for i in range(3)] for s in history.services], np.int64)
    looks.timer = np.array([[looks.add(_timer(s, i)) for i in range(3)] for s in history.services], np.int64)
    tries = 1 + max((edge.retries for edge in history.edges), default=0)
    shape = (len(history.edges), VARIANTS, tries)
    looks.client = np.array(
        [[_tries(looks, edge, v, tries, mix) for v in range(VARIANTS)] for edge in history.edges], np.int64
    ).reshape(shape)
    looks.sdk = _by_outcome(looks, history, lambda edge, variant: _sdk(edge, variant, mix))
    looks.lookup = _by_outcome(looks, history, _lookup)
    looks.resources = [resource(s, i) for s in history.services for i in range(INSTANCES)]
    return looks


def _tries(looks: Looks, edge: Edge, variant: int, tries: int, mix: Mix) -> list[int]:
    """Looks of an attempt by its number; most clients do not tell that it is a repeat."""
    first = looks.add(_client(edge, variant, 0, mix))
    if not tells_resends(edge, mix.conventions):
        return [first] * tries
    return [first, *(looks.add(_client(edge, variant, k, mix)) for k in range(1, tries))]


def _by_outcome(looks: Looks, history: History, look: Callable[[Edge, int], Look]) -> NDArray[np.int64]:
    every = [looks.add(look(edge, variant)) for edge in history.edges for variant in range(VARIANTS)]
    return np.array(every, np.int64).reshape(len(history.edges), VARIANTS)


def _status(variant: int) -> int | None:
    return {OK: 200, SERVER: 500, OWN: 503}.get(variant)


def _server(service: Service, state: int, mix: Mix) -> Look:
    attributes = server_attributes(service, (200, 500, 503)[state], mix.conventions)
    message = service.own_error if state == 2 else ""
    return Look(service.operation, "Server", service.name, "Error" if state else "Unset", message, attributes)


def _timer(service: Service, state: int) -> Look:
    message = ("", "a required call failed", service.own_error)[state]
    return Look(service.operation, "Internal", service.name, "Error" if state else "Unset", message, {})


def _client(edge: Edge, variant: int, resends: int, mix: Mix) -> Look:
    outcome = "server" if variant == OWN else OUTCOMES[variant]
    said = Words("") if variant == OK else words(edge, outcome)
    error_type = said.error_type
    if mix.conventions == "new" and said.exception is not None:
        error_type = error_type or said.exception[0].rpartition(".")[2]
    late = outcome == "deadline"
    attributes = client_attributes(edge, _status(variant), error_type, resends, mix.conventions, late=late)
    attributes |= {} if mix.peers == "server.address" else {mix.peers: edge.server}
    status = "Unset" if variant == OK else "Error"
    exception = None if mix.exceptions == "none" else _exception(said)
    return Look(client_span(edge), "Client", edge.client, status, said.status, attributes, exception)


def _exception(said: Words) -> Mapping[str, str] | None:
    if said.exception is None:
        return None
    names = ("exception.type", "exception.message", "exception.stacktrace")
    return {name: text for name, text in zip(names, said.exception, strict=True) if text}


def _sdk(edge: Edge, variant: int, mix: Mix) -> Look:
    attempt = _client(edge, variant, 0, mix)
    attributes = sdk_attributes(edge, _status(variant) is not None, mix.conventions)
    attributes |= {} if mix.peers == "server.address" else {mix.peers: edge.server}
    return Look(edge.operation, "Client", edge.client, attempt.status, attempt.message, attributes, attempt.exception)


def _lookup(edge: Edge, variant: int) -> Look:
    outcome = OUTCOMES[variant] if variant < OWN else "server"
    if not outcome.startswith("dns_"):
        return Look("dns.lookup", "Client", edge.client, "Unset", "", {"peer.ipv4": "10.0.3.17"})
    said = lookup_words(edge, outcome)
    attributes = {"dns.error_message": said, "dns.error_name": "Error"}
    return Look("dns.lookup", "Client", edge.client, "Error", said, attributes)
