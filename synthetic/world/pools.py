"""Connection pools: old connections outlive a name that has lost its addresses; new ones need it."""

from __future__ import annotations

import numpy as np

from .history import Floats


def without_connection(resolvable: Floats, tick_s: float, tau_s: float) -> Floats:
    """[T] Share of attempts that find neither an open connection nor an address to open one to.

    resolvable: [T] share of lookups that give an address. Connections end at random, after `tau_s` on average,
    and are replaced at once while the name resolves. While it does not, the share of a pool that is open falls
    by e in `tau_s`: errors rise over minutes, though the name is gone at once. When resolvers answer again,
    their share of the clients has all its connections back.
    """
    survives = np.exp(-tick_s / tau_s)
    open_share = np.empty(len(resolvable))
    held = 1.0
    for tick, share in enumerate(resolvable.tolist()):
        held = max(share, held * survives)
        open_share[tick] = held
    return 1.0 - open_share
