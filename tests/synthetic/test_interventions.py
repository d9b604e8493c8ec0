"""Each intervention sets what it says, for as long as it says, and the change log tells what it says."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest

from epicenter.collector.model import CHANGE_KINDS
from epicenter.synthetic.world.conditions import Conditions
from epicenter.synthetic.world.history import Floats
from epicenter.synthetic.world.interventions import (
    DROPPED_S,
    FOREVER,
    Crash,
    Cut,
    Flush,
    Hold,
    Intervention,
    Release,
    Restart,
    Scale,
    Slowdown,
    Surge,
    Throttle,
    World,
)
from epicenter.synthetic.world.name_interventions import ResolverTrouble, Rewrite
from epicenter.synthetic.world.resolvers import NXDOMAIN, SERVFAIL, STALE
from tests.synthetic.small import edge, service, steady

TICKS, AT, UNTIL = 100, 20.0, 60.0
SERVICES = (service("web", 100.0), service("api", 100.0), service("router", 100.0))
WEB, API, ROUTER = range(3)


def world() -> World:
    conditions = steady(SERVICES, (edge("web", "api"),), rps=10.0, ticks=TICKS)
    return World(conditions, {"api.test": np.full(TICKS, 2.0)}, 4)


def imposed(event: Intervention) -> World:
    after = world()
    event.impose(after)
    return after


def touched(event: Intervention) -> dict[str, Floats]:
    """The conditions that an intervention changes: name -> [T, …] difference, only the array's fields."""
    before, after = world().conditions, imposed(event).conditions
    arrays = [field.name for field in fields(Conditions) if isinstance(getattr(before, field.name), np.ndarray)]
    return {
        name: getattr(after, name) - getattr(before, name)
        for name in arrays
        if not np.array_equal(getattr(after, name), getattr(before, name))
    }


def only(values: Floats, *, during: slice, index: int, amount: float) -> None:
    """A condition has changed by an amount in one column during some ticks, and nowhere else."""
    expected = np.zeros_like(values)
    expected[during, index] = amount
    assert values == pytest.approx(expected)


DURING, SINCE = slice(20, 60), slice(20, TICKS)


def test_a_release_fails_and_slows_until_it_is_rolled_back() -> None:
    release = Release("api", AT, UNTIL, failing=0.3, slow_s=0.2, version=7)
    changed = touched(release)
    assert set(changed) == {"own_failing", "slow_s"}
    only(changed["own_failing"], during=DURING, index=API, amount=0.3)
    only(changed["slow_s"], during=DURING, index=API, amount=0.2)
    rows = [(row.time, row.kind, row.target, row.generation, row.detail) for row in release.changes()]
    assert rows == [(AT, "deploy", "api", 7, "release"), (UNTIL, "deploy", "api", 6, "rollback")]


def test_a_release_that_goes_well_changes_nothing_but_the_log() -> None:
    release = Release("api", AT)
    assert touched(release) == {}
    assert [row.kind for row in release.changes()] == ["deploy"]


def test_failures_of_releases_add_up_as_chances() -> None:
    both = world()
    for _ in range(2):
        Release("api", AT, UNTIL, failing=0.5).impose(both)
    assert both.conditions.own_failing[30, API] == pytest.approx(0.75)


def test_a_slowdown_takes_capacity_and_nobody_did_it() -> None:
    changed = touched(Slowdown("api", AT, UNTIL, 0.25))
    assert set(changed) == {"capacity"}
    only(changed["capacity"], during=DURING, index=API, amount=-75.0)
    assert list(Slowdown("api", AT, UNTIL).changes()) == []


def test_a_service_without_a_capacity_cannot_hang() -> None:
    with pytest.raises(ValueError, match="api"):
        Slowdown("api", AT, UNTIL).impose(
            World(steady((service("web"), service("api")), (edge("web", "api"),), rps=1.0, ticks=TICKS), {}, 1)
        )


def test_scaling_stays() -> None:
    changed = touched(Scale("api", AT, 3.0))
    assert set(changed) == {"capacity"}
    only(changed["capacity"], during=SINCE, index=API, amount=200.0)
    assert [(row.time, row.kind, row.target) for row in Scale("api", AT, 3.0).changes()] == [(AT, "scale", "api")]


def test_a_crash_of_all_refuses_until_somebody_starts_them_again() -> None:
    changed = touched(Crash("api", AT, UNTIL))
    assert set(changed) == {"up", "capacity", "refused"}
    only(changed["up"], during=DURING, index=API, amount=-1.0)
    only(changed["refused"], during=DURING, index=0, amount=1.0)
    assert [(row.time, row.kind) for row in Crash("api", AT, UNTIL).changes()] == [(UNTIL, "restart")]
    assert list(Crash("api", AT, FOREVER).changes()) == []


def test_a_crash_of_some_refuses_until_balancers_have_noticed() -> None:
    changed = touched(Crash("api", AT, UNTIL, 0.4))
    only(changed["capacity"], during=DURING, index=API, amount=-40.0)
    only(changed["refused"], during=slice(20, 20 + round(DROPPED_S)), index=0, amount=0.4)


def test_a_surge_ramps_up_and_adds_what_it_says() -> None:
    changed = touched(Surge("web", AT, UNTIL, factor=2.0, rps=5.0, ramp_s=10.0))
    assert set(changed) == {"entries"}
    more = changed["entries"][:, WEB]
    assert more[[19, 60]].tolist() == [0.0, 0.0]
    assert more[[20, 24, 29, 59]] == pytest.approx([1.5, 7.5, 15.0, 15.0])
    assert list(Surge("web", AT, UNTIL).changes()) == []


def test_a_throttle_lets_a_share_in_and_says_so() -> None:
    throttle = Throttle("web", AT, UNTIL, 0.2)
    only(touched(throttle)["entries"], during=DURING, index=WEB, amount=-8.0)
    rows = [(row.time, row.kind, row.detail) for row in throttle.changes()]
    assert rows == [(AT, "throttle", "20% of requests let in"), (UNTIL, "throttle", "limit lifted")]


@pytest.mark.parametrize(("answer", "code", "kind"), [("nxdomain", NXDOMAIN, "delete"), ("stale", STALE, "upsert")])
def test_a_rewrite_is_answered_by_the_authority_and_logged_with_its_repair(answer: str, code: float, kind: str) -> None:
    rewrite = Rewrite(("api.test",), answer, AT, UNTIL, generation=4)
    answers = imposed(rewrite).authority["api.test"]
    assert (answers[DURING] == code).all()
    assert (np.delete(answers, np.r_[DURING]) == 2.0).all()
    rows = [(row.time, row.kind, row.actor) for row in rewrite.changes()]
    assert rows == [(AT, f"record.{kind}", "dns-automation"), (UNTIL, "record.upsert", "operators")]
    assert list(Rewrite(("api.test",), answer, AT, UNTIL, logged=False).changes()) == []


def test_trouble_of_half_the_resolvers_touches_half_of_them() -> None:
    after = imposed(ResolverTrouble(0.5, "servfail", AT, UNTIL, ("api.test",)))
    troubled = after.resolvers["api.test"]
    assert (troubled[DURING, :2] == SERVFAIL).all()
    assert np.count_nonzero(troubled) == 2 * 40
    assert (after.authority["api.test"] == 2.0).all()


def test_a_cut_makes_connecting_time_out_and_names_the_device() -> None:
    cut = Cut(("api",), AT, UNTIL, 0.7, "router")
    changed = touched(cut)
    assert set(changed) == {"unconnected", "up"}
    only(changed["unconnected"], during=DURING, index=0, amount=0.7)
    only(changed["up"], during=DURING, index=ROUTER, amount=-0.7)
    assert [(row.time, row.kind, row.target) for row in cut.changes()] == [
        (AT, "manual", "router"),
        (UNTIL, "manual", "router"),
    ]


@pytest.mark.parametrize(
    ("event", "kind", "ticks"),
    [
        (Flush("api", AT, 0.8), "flush", slice(20, 21)),
        (Restart("api", AT, 0.8, by="ci"), "restart", slice(20, 21)),
        (Hold("api", AT, UNTIL, 0.8), "hold", DURING),
    ],
)
def test_feedbacks_are_told_by_marks(event: Intervention, kind: str, ticks: slice) -> None:
    assert touched(event) == {}
    marks = imposed(event).conditions.mark(kind, "api")
    assert (marks[ticks] == 0.8).all()
    assert np.count_nonzero(marks) == ticks.stop - ticks.start
    rows = list(event.changes())
    assert rows[0].time == AT
    assert {row.target for row in rows} == {"api"}
    assert {row.kind for row in rows} <= set(CHANGE_KINDS)
