"""The same seed gives the same world to the last bit; another seed another one, with the same deeds of people."""

from __future__ import annotations

from dataclasses import fields

import numpy as np

from epicenter.synthetic import History, simulate
from tests.synthetic.worlds import NAME, world

DEEDS = {"throttle", "restart", "manual", "failover"}


def arrays(history: History) -> dict[str, np.ndarray[tuple[int, ...]]]:
    by_name = {field.name: getattr(history, field.name) for field in fields(history)}
    flows = {name: value for name, value in by_name.items() if isinstance(value, np.ndarray)}
    flows |= {f"{s.name}{sorted(s.labels.items())}": s.values for s in history.series}
    for kind in ("lookups", "probes", "targets", "caches"):
        for i, one in enumerate(by_name[kind]):
            values = {name: value for name, value in vars(one).items() if isinstance(value, np.ndarray)}
            flows |= {f"{kind} {i} {name}": value for name, value in values.items()}
    return flows


def test_same_seed_same_bytes() -> None:
    again = simulate(NAME, seed=0)
    first, second = arrays(world(0)), arrays(again)
    assert list(first) == list(second)
    assert [name for name in first if first[name].tobytes() != second[name].tobytes()] == []
    assert again.changes == world(0).changes
    assert again.truth == world(0).truth


def test_other_seed_other_world() -> None:
    first, second = arrays(world(0)), arrays(world(1))
    for name in ("entries", "arrivals", "failed", "attempts", "failures", "latency_s"):
        assert not np.array_equal(first[name], second[name])


def test_people_act_at_the_same_times_whatever_the_seed() -> None:
    deeds = [
        [(row.time, row.kind, row.target) for row in world(seed).changes if row.actor == "operators"] for seed in (0, 1)
    ]
    assert deeds[0] == deeds[1]
    assert {kind for _, kind, _ in deeds[0]} == DEEDS
