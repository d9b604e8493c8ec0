"""Pairs of a client and a server, side by side in one world, for experiments with retries.

As in the published ones: the server works off 100 requests a second, each takes 0.1 s, 2,000 may wait, clients wait
1 s, and the trouble is from second 60 to 90. Every case runs with Poisson arrivals of five seeds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from epicenter.synthetic.world.books import Flows
from epicenter.synthetic.world.conditions import Conditions, still
from epicenter.synthetic.world.engine import run_services
from epicenter.synthetic.world.history import Edge, Floats, Service

MU, TIMEOUT_S, WORK_S, QUEUE_S = 100.0, 1.0, 0.1, 20.0
TICK_S, DURATION_S = 0.25, 900.0
TROUBLE = (60.0, 90.0)
DURING, AFTER, LATER, LAST = TROUBLE, (90.0, 120.0), (170.0, 210.0), (840.0, 900.0)
SEEDS = range(5)


@dataclass(frozen=True)
class Case:
    """One experiment.

    load: requests as a share of what the server works off. surge: factor of the load in the trouble.
    hang: the server works off nothing in it. unresolved: its name has no addresses in it.
    """

    load: float = 0.7
    surge: float = 1.0
    hang: bool = False
    unresolved: bool = False
    retries: int = 0
    backoff_s: float = 0.0
    backoff_growth: float = 2.0
    retry_budget: float = float("inf")


@dataclass(frozen=True)
class Seen:
    """What a run shows in a window: attempts and goodput per original, waste of what was served, least age."""

    amplification: float
    goodput: float
    wasted: float
    age_s: float


@dataclass(frozen=True)
class Run:
    """One case with one seed: the flows of its pair [T]."""

    originals: Floats
    attempts: Floats
    ok: Floats
    served: Floats
    age_s: Floats

    def seen(self, window: tuple[float, float]) -> Seen:
        at = slice(round(window[0] / TICK_S), round(window[1] / TICK_S))
        asked, ok, served = self.originals[at].sum(), self.ok[at].sum(), self.served[at].sum()
        wasted = 1.0 - min(1.0, ok / served) if served else 0.0
        return Seen(self.attempts[at].sum() / asked, ok / asked, wasted, float(self.age_s[at].min()))

    @property
    def stuck(self) -> bool:
        """Most of what is asked in the last minute fails, long after the trouble."""
        return self.seen(LAST).goodput < 0.5


def run_cases(cases: Mapping[str, Case]) -> dict[str, list[Run]]:
    """All cases with all seeds, in one world."""
    pairs = [(name, case, seed) for name, case in cases.items() for seed in SEEDS]
    flows = run_services(_conditions([(case, seed) for _, case, seed in pairs]))
    found: dict[str, list[Run]] = {name: [] for name in cases}
    for p, (name, _, _) in enumerate(pairs):
        found[name].append(_run(flows, p))
    return found


def _run(flows: Flows, p: int) -> Run:
    server = 2 * p + 1
    return Run(
        flows.originals[:, p],
        flows.attempts[:, p],
        flows.ok[:, p],
        flows.served[:, server],
        flows.queue_age_s[:, server],
    )


def _conditions(runs: list[tuple[Case, int]]) -> Conditions:
    ticks = round(DURATION_S / TICK_S)
    services: list[Service] = []
    edges: list[Edge] = []
    entries = np.zeros((ticks, 2 * len(runs)))
    for p, (case, seed) in enumerate(runs):
        services += pair(p, MU, WORK_S, QUEUE_S)
        edges.append(_edge(p, case))
        entries[:, 2 * p] = np.random.default_rng(seed).poisson(case.load * MU * TICK_S, ticks)
    conditions = still(tuple(services), tuple(edges), TICK_S, entries)
    trouble = conditions.during(*TROUBLE)
    for p, (case, _) in enumerate(runs):
        conditions.entries[trouble, 2 * p] *= case.surge
        if case.hang:
            conditions.capacity[trouble, 2 * p + 1] = 0.0
        if case.unresolved:
            gone = np.zeros(ticks)
            gone[trouble] = 1.0
            conditions.fail_lookups("dns_nodata", p, gone)
    return conditions


def pair(p: int, mu: float, work_s: float, queue_s: float = float("inf")) -> tuple[Service, Service]:
    """Client and server number p."""
    client = Service(f"client-{p}", (f"client-{p}",), "go", "GET /")
    server = Service(
        f"server-{p}", (f"server-{p}",), "go", "GET /", latency_s=work_s, capacity_rps=mu, queue_limit_s=queue_s
    )
    return client, server


def _edge(p: int, case: Case) -> Edge:
    return Edge(
        f"client-{p}",
        f"server-{p}",
        f"server-{p}",
        "GET /",
        1.0,
        "go-http",
        timeout_s=TIMEOUT_S,
        retries=case.retries,
        backoff_s=case.backoff_s,
        backoff_growth=case.backoff_growth,
        retry_budget=case.retry_budget,
    )
