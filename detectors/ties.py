"""What ties a balancer or a cache to what fails: that both went wrong at one time may be chance.

Estates have hundreds of them, and checks that flap or hits that are missed are nothing rare.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence

from ..collector.model import Windows
from .base import ALIKE, HORIZON, Finding
from .cache_loss import cache_loss
from .demand import grown
from .graph import Graph
from .series import concept
from .suspects import Suspect
from .way import calls_to, may_wait, owner_of, several_of

CHECKED = ("healthy_hosts", "health_flips")
"""Concepts that tell of a balancer's targets."""


def balances(windows: Windows, graph: Graph, balancer: str, lost: list[Suspect]) -> bool:
    """Whether the balancer is surely before what is lost: its name or those of its targets name it, it calls it, or
    several are lost on their way that share nothing else."""
    on_way = [s for s in lost if s.how == "unreached" and may_wait(s)]
    return (
        _named(_names_of(windows, balancer), lost)
        or any(graph.path(balancer, s.component) for s in lost)
        or several_of(on_way, lost)
    )


def _names_of(windows: Windows, balancer: str) -> list[str]:
    """The balancer's name and those of its targets or zones."""
    rows = (concept(windows, name) for name in CHECKED)
    return [
        balancer,
        *(str(item) for told in rows for item in told.loc[told["component"] == balancer, "item"].unique()),
    ]


def _named(names: Iterable[str], lost: list[Suspect]) -> bool:
    told = [_words(name) for name in names]
    owners = {_words(name) for s in lost for name in (s.component, s.service, owner_of(s))} - {()}
    return any(_within(owner, name) for owner in owners for name in told)


def _words(name: str) -> tuple[str, ...]:
    return tuple(word for word in re.split(r"[^a-z0-9]+", name.lower()) if word)


def _within(words: Sequence[str], name: Sequence[str]) -> bool:
    """Whether the words stand in the name one after the other."""
    return any(tuple(name[at : at + len(words)]) == tuple(words) for at in range(len(name) - len(words) + 1))


def keeps_load_from(
    windows: Windows, graph: Graph, cache: str, nodes: Collection[str], onset: float, *, slow: bool
) -> bool:
    """Whether the cache may have kept load from these nodes of one service: it is asked for much more since; or it is
    known to be slow, and it or who calls it is a client of the cache."""
    if grown(windows, calls_to(windows, nodes), (onset, onset + HORIZON * windows.window_s), onset):
        return True
    clients = _clients(graph, [node for node in graph.callers if cache in (node, _label(node))])
    return slow and not clients.isdisjoint({*nodes, *_clients(graph, nodes)})


def _clients(graph: Graph, nodes: Collection[str]) -> set[str]:
    """The services that call one of these, by whatever name."""
    callers = {caller for node in nodes for caller in graph.callers.get(node, ())}
    names = callers & graph.owners.keys()
    return (callers - names) | {caller for name in names for caller in graph.callers.get(name, ())}


def _label(node: str) -> str:
    return node.partition(".")[0]


def shown_before(windows: Windows, loss: Finding) -> bool:
    """Whether the cache missed like this before, and recovered: a batch that scans it, say."""
    earlier = (
        f for f in cache_loss(windows) if f.component == loss.component and f.until(loss.started_at) < loss.started_at
    )
    return any(f.score >= ALIKE * loss.score for f in earlier)
