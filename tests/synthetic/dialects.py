"""The toy world with a little of all that the dialects of metrics can tell."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from epicenter.collector.model import ERROR_CLASSES
from epicenter.synthetic.telemetry.metrics import Family, families
from epicenter.synthetic.world.history import Edge, History, Lookups, Service

from .toy_history import OUTAGE, START, TICK_S, toy_history

EVERY_S = 10.0
DOWN = slice(60, 70)  # ticks in which one of checkout's three instances is down
DARK = slice(200, 220)  # ticks in which the shop's telemetry is lost
_CHANGED: dict[str, dict[str, Any]] = {"ticker": {"capacity_rps": 25.0}, "dynamodb": {"language": "java"}}
FUNCTIONS = "lambda.us-east-1.amazonaws.com"


def rich_history() -> History:
    """Checkout calls by gRPC and loses an instance for a while; the shop also invokes functions behind a balancer."""
    history = toy_history("grpc-python")
    ticks = history.ticks
    up, lost = history.up.copy(), history.lost.copy()
    up[DOWN, 1], lost[DARK, 0] = 2.0 / 3.0, 1.0
    edge = Edge("shop", "lambda", FUNCTIONS, "Lambda.Invoke", 1.0, "python-botocore", required=False, via="nlb")
    arrivals, failures = history.entries[:, 0], np.zeros((ticks, len(ERROR_CLASSES)))
    failures[OUTAGE, ERROR_CLASSES.index("server")] = 0.2 * arrivals[OUTAGE]
    failures[OUTAGE, ERROR_CLASSES.index("connect")] = 0.1 * arrivals[OUTAGE]
    failed = failures[:, ERROR_CLASSES.index("server")]
    unanswered = tuple(
        Lookups(one.resolver, ".", "", "A", "", False, 0.0 * one.count + 1.0) for one in history.lookups[::6]
    )
    return replace(
        history,
        services=(
            *(replace(one, **_CHANGED.get(one.name, {})) for one in history.services),
            Service("lambda", (FUNCTIONS,), "go", "Invoke", instrumented=False),
        ),
        edges=(*history.edges, edge),
        **{
            name: np.column_stack([getattr(history, name), values])
            for name, values in {
                "entries": 0.0 * arrivals,
                "arrivals": arrivals - failures[:, ERROR_CLASSES.index("connect")],
                "served": arrivals - failures[:, ERROR_CLASSES.index("connect")],
                "failed": failed,
                "own_failed": 0.5 * failed,
                "latency_s": np.full(ticks, 0.05),
                "queue_depth": 0.0 * arrivals,
                "queue_age_s": 0.0 * arrivals,
                "originals": arrivals,
                "attempts": arrivals,
                "ok": arrivals - failures.sum(axis=1),
                "in_flight": 0.0 * arrivals,
                "waiting": 0.0 * arrivals,
                "given_up": failures.sum(axis=1),
                "latency_ok_s": np.full(ticks, 0.052),
                "latency_server_s": np.full(ticks, 0.02),
            }.items()
        },
        up=np.column_stack([up, np.ones(ticks)]),
        lost=np.column_stack([lost, np.zeros(ticks)]),
        failures=np.concatenate([history.failures, failures[:, None]], axis=1),
        odds=replace(
            history.odds,
            calls=np.column_stack([history.odds.calls, np.ones(ticks)]),
            unresolved={name: np.column_stack([of, np.zeros(ticks)]) for name, of in history.odds.unresolved.items()},
            refused=np.column_stack([history.odds.refused, np.zeros(ticks)]),
            unconnected=np.column_stack([history.odds.unconnected, failures[:, ERROR_CLASSES.index("connect")] / 400]),
            late=np.column_stack([history.odds.late, np.zeros(ticks)]),
            granted=np.column_stack([history.odds.granted, np.ones(ticks)]),
            failing=np.column_stack([history.odds.failing, failed / arrivals]),
            own=np.column_stack([history.odds.own, 0.5 * failed / arrivals]),
        ),
        lookups=(*history.lookups, *unanswered),
    )


class Told:
    """One dialect of a history, to be asked by metric and labels; times are ticks of the toy world."""

    def __init__(self, history: History, *dialects: str, every_s: float = EVERY_S) -> None:
        self.families: dict[str, Family] = {family.name: family for family in families(history, every_s, dialects)}
        self.step = every_s / TICK_S

    def each(self, name: str, **labels: str) -> list[np.ndarray]:
        """The values of all series of this name and suffix with these labels."""
        family = next(self.families[stem] for stem in (name, name.rpartition("_")[0]) if stem in self.families)
        suffix = name.removeprefix(family.name)
        return [
            series.values
            for series in family.series
            if series.suffix == suffix and labels.items() <= dict(series.labels).items()
        ]

    def total(self, name: str, **labels: str) -> np.ndarray:
        """[K] the sum of these series, those that are not there being 0; there must be some."""
        found = self.each(name, **labels)
        assert found, (name, labels)
        return np.nansum(found, axis=0)

    def grew(self, name: str, ticks: slice, **labels: str) -> float:
        """By how much these counters grew within the ticks, without restarts among them."""
        values = self.total(name, **labels)
        return float(values[int(ticks.stop / self.step)] - values[int(ticks.start / self.step)])


def tick(at: int) -> float:
    """Unix second at which a tick of the toy world begins."""
    return START + TICK_S * at
