"""The estate's own resolvers, in front of the recursive ones of the world."""

from __future__ import annotations

from collections.abc import Iterator
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


def forwarded(one: Lookups, tick_s: float) -> Floats:
    """[T] look-ups that the cache cannot answer: each name once a lifetime, and all that found no answer."""
    if one.rcode in ("", "SERVFAIL", "REFUSED"):
        return one.count
    names = 1.0 if one.name and one.zone != "." else _OTHER_NAMES
    return np.minimum(one.count, names * tick_s / _TTL_S)
