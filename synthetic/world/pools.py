"""Connection pools: old connections outlive a name that has lost its addresses; new ones need it."""

from __future__ import annotations

import numpy as np

from .history import Floats


def unconnected(resolvable: Floats, tick_s: float, tau_s: float) -> Floats:
    """[T] Share of attempts that need a name which cannot be resolved, from the share of lookups that succeed [T].

    Connections end at random with a mean life of `tau_s`. While the name resolves they are replaced at
    once; while it does not, the share of a pool that is open falls by e in `tau_s`, and each attempt
    that finds no open connection fails. So errors rise over minutes, though the name is gone at once.
    """
    survives = np.exp(-tick_s / tau_s)
    # A resolver that answers gives its clients all their connections back; those of the others stay lost.
    open_share = np.empty(len(resolvable))
    held = 1.0
    for tick, share in enumerate(resolvable):
        held = max(float(share), held * survives)
        open_share[tick] = held
    return 1.0 - open_share
