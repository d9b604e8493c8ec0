"""The shipped rules over every world of the library, coarsely: whom they name, and that they cry for nothing."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from epicenter.rules.files import read_rules
from epicenter.rules.worlds import over
from epicenter.synthetic import SCENARIOS
from tests.programs import require
from tests.rules.shipped import FILES
from tests.simulated import simulated

SCRAPE_S = 120.0
"""Two in the 5 minutes of a rate."""
STEPS, CALM_STEPS = 300, 100
"""Evaluations of a world at most; calm ones are long, and expose a lot."""
UNNAMED = {
    *("bgp-withdrawal", "cache-loss", "resolver-servfail", "slow-dependency", "telemetry-loss"),
    *("calm-day", "calm-weekend"),
}
"""Worlds in which no rule names the cause or the loop: nothing broke, nothing failed, or nothing that a rule reads
tells of it."""
RULES = read_rules([str(path) for path in FILES if path.stem != "self"]).rules
ON_ITSELF = read_rules([str(path) for path in FILES if path.stem == "self"]).rules


@pytest.mark.parametrize("name", SCENARIOS)
def test_they_name_the_cause_or_the_loop_and_cry_for_nothing(name: str) -> None:
    require("prometheus")
    history = simulated(name)
    steps = CALM_STEPS if history.truth.incident is None else STEPS
    interval_s = max(SCRAPE_S, 60.0 * math.ceil((history.end - history.start) / steps / 60.0))
    result = over([replace(rule, interval_s=interval_s) for rule in RULES], history, SCRAPE_S)
    kinds = {one.kind for one in result.verdicts}
    assert (kinds & {"false_alarm", "refused"}, result.problems) == (set(), ())
    assert bool(kinds & {"cause", "loop"}) == (name not in UNNAMED)
    if history.truth.incident is None:
        assert [one.name for one in result.verdicts if one.firings] == []


def test_alerts_on_its_own_server_cannot_be_tested_where_there_is_none() -> None:
    require("prometheus")
    verdicts = over(ON_ITSELF, simulated("plain-failure"), SCRAPE_S).verdicts
    assert {one.name: one.kind for one in verdicts} == {rule.name: "untestable" for rule in ON_ITSELF if rule.alert}
    assert verdicts
