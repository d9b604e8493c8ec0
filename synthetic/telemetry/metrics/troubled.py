"""The resolvers that are part of what broke, as the labels of their own metrics name them."""

from __future__ import annotations

from ...world.history import History
from .coredns import UPSTREAM, pod_of
from .hubble import seen_as
from .resolvers import looked_up
from .unbound import exporter_of

_OWN = ("job", "pod", "instance")
"""Labels of a scrape that say whose it is; a namespace holds many others."""


def troubled_resolvers(history: History) -> tuple[str, ...]:
    """Values of labels that name the resolvers which fail to answer for the root component, and its zone; or the one
    resolver that is the root itself.

    Empty where they answer: that a record is gone or wrong is no fault of theirs.
    """
    root = history.truth.root_component
    named: dict[str, None] = {}
    for one in looked_up(history):
        if root and root in (one.name, one.resolver) and one.rcode in ("SERVFAIL", "") and one.count.any():
            scraped = (pod_of(one.resolver), exporter_of(one.resolver))
            named.update(dict.fromkeys(labels[name] for labels in scraped for name in _OWN if name in labels))
            named.update(dict.fromkeys((one.resolver, seen_as(one.resolver))))
            if one.name == root:
                named.update(dict.fromkeys((one.zone.rstrip("."), UPSTREAM)))
    return tuple(named)
