"""The estate's own resolvers, in front of the recursive ones of the world."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from ...world.history import History, Lookups
from ..looks import INSTANCES
from ..naming import pod_name
from .base import Floats

_TTL_S = 30.0
"""How long Kubernetes' default configuration lets CoreDNS cache."""
_OTHER_NAMES = 200.0
"""Names that make up the rest of the world in a cache (assumed)."""


def looked_up(history: History) -> Iterator[Lookups]:
    """The world's look-ups as the pods of the estate's resolver saw them; zones end with the root's dot.

    A cluster runs a few of these, each in front of some of the world's resolvers, whose own metrics nobody has.
    """
    pods: dict[str, str] = {}
    for one in history.lookups:
        pod = pods.setdefault(one.resolver, pod_name("coredns", len(pods) % INSTANCES))
        yield replace(one, resolver=pod, zone=one.zone.rstrip(".") + ".")


def forwarder(history: History) -> Callable[[Lookups], Floats]:
    """Look-up of `looked_up` -> [T] how many of them the cache cannot answer and passes on.

    Each name once a lifetime, and all that found no answer. The failures of the rest of the world are spread over its
    names: as large a share of them is passed on as of its answers, or next to a full cache all that is passed on fails.
    """
    everything, missed = (defaultdict[tuple[str, str], Floats](lambda: np.zeros(history.ticks)) for _ in range(2))
    for one in looked_up(history):
        if one.zone == "." and one.rcode == "NOERROR":
            everything[one.resolver, one.qtype] += one.count
            missed[one.resolver, one.qtype] += _once(one, history.tick_s)

    def forwarded(one: Lookups) -> Floats:
        place = one.resolver, one.qtype
        if one.rcode == "SERVFAIL" and one.zone == "." and place in everything:
            asked = everything[place]
            return one.count * np.divide(missed[place], asked, out=np.ones_like(asked), where=asked > 0)
        return one.count if one.rcode in ("", "SERVFAIL", "REFUSED") else _once(one, history.tick_s)

    return forwarded


def _once(one: Lookups, tick_s: float) -> Floats:
    names = 1.0 if one.name and one.zone != "." else _OTHER_NAMES
    return np.minimum(one.count, names * tick_s / _TTL_S)
