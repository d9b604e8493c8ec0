"""What an alert's limit does to its label sets; the rest of the state machine is held to promtool."""

from __future__ import annotations

import pytest

from epicenter.rules.states import States, states

STEPS = [30.0 * i for i in range(10)]
ACTIVE = {"a": STEPS, "b": [60.0, 210.0]}
"""b comes while a is pending, and again while it fires."""


def test_over_the_limit_all_label_sets_are_forgotten_and_what_lasts_is_pending_anew() -> None:
    machines = states(ACTIVE, STEPS, for_s=60, keep_s=0, limit=1)
    assert machines.over == [60.0, 210.0]
    assert machines.found == {
        "a": States(
            pending={0.0: 0.0, 30.0: 0.0, 90.0: 90.0, 120.0: 90.0, 240.0: 240.0, 270.0: 240.0},
            firing={150.0: 90.0, 180.0: 90.0},
        )
    }


@pytest.mark.parametrize("limit", [2, 0])
def test_as_many_as_the_limit_are_not_over_it_and_without_one_none_are(limit: int) -> None:
    machines = states(ACTIVE, STEPS, for_s=60, keep_s=0, limit=limit)
    assert machines.over == []
    assert machines.found["a"] == States({0.0: 0.0, 30.0: 0.0}, dict.fromkeys(STEPS[2:], 0.0))
    assert machines.found["b"] == States({60.0: 60.0, 210.0: 210.0})


def test_what_is_only_kept_firing_counts_for_the_limit() -> None:
    active = {"a": [0.0], "b": [30.0]}
    assert states(active, STEPS, for_s=0, keep_s=60, limit=1).over == [30.0]
    assert states(active, STEPS, for_s=0, keep_s=0, limit=1).over == []
