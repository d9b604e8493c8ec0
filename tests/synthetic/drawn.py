"""What of a history's traces was drawn, counted by edge and outcome, beside what its odds and books say."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from epicenter.synthetic import History
from epicenter.synthetic.telemetry.attempts import Attempts
from epicenter.synthetic.telemetry.odds import DEADLINE, OK, OUTCOMES, REFUSED, SERVER
from epicenter.synthetic.telemetry.spans import span_source
from epicenter.synthetic.telemetry.tree import Forest, draw_forest
from epicenter.synthetic.world.books import CLASS

FIVE_SIGMA = 5.0  # some thousand comparisons: by chance one in a million exceeds it
_CLASS_OF = np.array([0, *(1 + c for c in range(len(CLASS))), 1 + CLASS["connect"]])


@dataclass(frozen=True)
class Share:
    """Of `count` draws a share of which `expected` is the mean; how many of them were `drawn`."""

    what: str
    count: int
    expected: float
    drawn: float

    def agrees(self, together: float = 1.0) -> bool:
        """Within the error of sampling, if `together` draws share their fate."""
        spread = np.sqrt(max(self.expected * (1.0 - self.expected), 1.0 / max(self.count, 1)) * together / self.count)
        return abs(self.drawn - self.expected) <= FIVE_SIGMA * spread


def forests(history: History, spans_per_second: float, seed: int = 3) -> list[Forest]:
    source = span_source(history, spans_per_second=spans_per_second, seed=seed)
    return [
        draw_forest(history, source.chances, ticks, source.share, np.random.default_rng([seed, ticks.start]))
        for ticks in source.chunks()
    ]


def shares_of_edge(history: History, drawn: list[Forest], e: int) -> list[Share]:
    """How the attempts over an edge fared beside the odds of the ticks in which they began."""
    odds, edge = history.odds, history.edges[e]
    server = history.service(edge.server)
    attempts = [forest.attempts[e] for forest in drawn]
    tick, outcome, k = (np.concatenate([getattr(one, name) for one in attempts]) for name in ("tick", "outcome", "k"))
    first, reached = k == 0, np.isin(outcome, (OK, SERVER, DEADLINE))
    in_time = reached & (outcome != DEADLINE)
    left = 1.0 - sum((share[:, e] for share in odds.unresolved.values()), np.zeros(history.ticks))
    stuck = {OUTCOMES.index(name): share[:, e] for name, share in odds.unresolved.items()}
    stuck[REFUSED] = left * odds.refused[:, e]
    stuck[1 + CLASS["connect"]] = (left - stuck[REFUSED]) * odds.unconnected[:, e]
    cases = [(OUTCOMES[at], first, outcome == at, share) for at, share in stuck.items()]
    cases += [("late", reached, outcome == DEADLINE, odds.late[:, e])]
    cases += [("failing", in_time, outcome == SERVER, odds.failing[:, server])]
    return [
        Share(f"{edge.client} -> {edge.server}: {what}", int(of.sum()), share[tick[of]].mean(), (part & of)[of].mean())
        for what, of, part, share in cases
        if of.sum() >= 100
    ]


def counted(history: History, drawn: list[Forest], e: int, ticks_per_block: int) -> tuple[np.ndarray, np.ndarray]:
    """Attempts over an edge by block of ticks and outcome (ok, then the classes), and first attempts by block."""
    blocks = history.ticks // ticks_per_block
    kinds = 1 + len(CLASS)
    outcomes, calls = np.zeros(blocks * kinds), np.zeros(blocks)
    for attempts in (forest.attempts[e] for forest in drawn):
        block = _blocks(attempts, ticks_per_block, blocks)
        outcomes += np.bincount(block * kinds + _CLASS_OF[attempts.outcome], minlength=blocks * kinds)
        calls += np.bincount(block[attempts.k == 0], minlength=blocks)
    return outcomes.reshape(blocks, kinds), calls


def _blocks(attempts: Attempts, ticks_per_block: int, blocks: int) -> np.ndarray:
    return np.minimum(attempts.tick // ticks_per_block, blocks - 1)
