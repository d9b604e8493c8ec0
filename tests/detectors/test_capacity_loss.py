"""A service that lost some of its instances is told from one that lost all, that never had more, and that scales."""

from __future__ import annotations

import pytest

from epicenter.detectors import analyze
from epicenter.detectors.capacity_loss import capacity_loss
from tests.detectors.frames import SUMMARY, Row, at, call, gauge, put, windows

BAD, OVER, END = 30, 45, 60


def counted(there: list[float], concept: str = "replicas") -> list[Row]:
    return gauge("pay", concept, there)


@pytest.mark.parametrize(
    ("concept", "all_there", "left"), [("replicas", 3, 1), ("healthy_hosts", 30, 24), ("up", 1, 0.5)]
)
def test_instances_that_are_gone_are_told_with_their_share_and_the_last_time_all_were_there(
    concept: str, all_there: float, left: float
) -> None:
    rows = counted(put([all_there] * END, BAD, [left] * (OVER - BAD)), concept)
    (found,) = capacity_loss(windows(END, signals=rows))
    assert (found.component, found.started_at, found.ended_at) == ("pay", at(BAD), at(OVER))
    assert found.facts["full_at"] == at(BAD - 1)
    assert found.evidence[0].statement == f"{1 - left / all_there:.0%} of pay's instances were gone"


@pytest.mark.parametrize(
    "there",
    [
        [3.0] * END,
        put([3.0] * END, BAD, [0.0] * 15),
        put([3.0] * END, BAD, [2.0]),
        put([10.0] * END, BAD, [9.0] * 15),
        put([3.0] * END, BAD, [6.0] * 15),
        [1.0] * END,
    ],
    ids=["all are there", "none is left", "for one window", "one of ten", "more of them", "it has one"],
)
def test_what_is_no_loss_of_some_stays_silent(there: list[float]) -> None:
    assert capacity_loss(windows(END, signals=counted(there))) == []


def test_of_two_that_count_the_same_instances_one_is_asked() -> None:
    rows = [row for name in ("replicas", "up") for row in counted(put([3.0] * END, BAD, [1.0] * 15), name)]
    assert len(capacity_loss(windows(END, signals=rows))) == 1


def late(asked: int = 40, refused: int = 0) -> list[Row]:
    """The shop's calls to the pay service run out of time; at first some are refused instead."""
    rows: list[Row] = []
    for window in range(END):
        down = BAD <= window < OVER
        made, gone = (asked, refused if window < BAD + 2 else 0) if down else (40, 0)
        bad = made // 2 if down else 0
        rows.append(call(window, "", "shop", attempts=made, errors_deadline=bad))
        rows.append(call(window, "shop", "pay", "pay.example", made - gone, errors_deadline=bad))
        rows += [call(window, "shop", "", "pay.example", gone, errors_connect=gone)] if gone else []
    return rows


@pytest.mark.parametrize(
    ("calls", "gone_at", "kind"),
    [
        (late(), BAD - 1, "capacity_loss"),
        (late(), BAD, "capacity_loss"),
        (late(), BAD + 4, "slow"),
        (late(asked=120), BAD + 4, "overload"),
        (late(asked=120), BAD, "overload"),
        (late(), None, "slow"),
        (late(refused=12), None, "capacity_loss"),
    ],
    ids=[
        "before",
        "just then",
        "too busy for its checks, later",
        "so it is under load",
        "scaled in under load",
        "nothing tells of them",
        "refused until balancers noticed",
    ],
)
def test_instances_that_go_first_are_the_cause_and_those_that_go_later_are_too_busy(
    calls: list[Row], gone_at: int | None, kind: str
) -> None:
    there = [2.0] * END if gone_at is None else put([2.0] * END, gone_at, [1.0] * (OVER - gone_at))
    (incident,) = analyze(windows(END, calls, counted(there)), SUMMARY).incidents
    assert (incident.trigger.component, incident.trigger.kind) == ("pay", kind)


def test_a_loss_that_nobody_feels_is_no_incident_and_makes_none_longer() -> None:
    rows = counted(put([3.0] * END, 5, [1.0] * (END - 5)))
    assert analyze(windows(END, [call(w, "", "shop") for w in range(END)], rows), SUMMARY).incidents == ()
    (incident,) = analyze(windows(END, late(), rows), SUMMARY).incidents
    assert (incident.started_at, incident.ended_at) == (at(BAD), at(OVER))
