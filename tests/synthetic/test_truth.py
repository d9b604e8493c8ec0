"""The truth is measured from the world's books, in the words of the analysis."""

from __future__ import annotations

import json
from typing import get_args

import pytest

from epicenter.detectors.analysis import DnsFailure, DnsRole, Kind
from epicenter.synthetic import History
from tests.synthetic.worlds import SEEDS, local, world


@pytest.fixture(params=SEEDS)
def history(request: pytest.FixtureRequest) -> History:
    return world(int(request.param))


def test_root_is_the_record_in_the_words_of_the_analysis(history: History) -> None:
    truth = history.truth
    assert truth.root_component == "dynamodb.us-east-1.amazonaws.com"
    assert truth.root_aliases == ("dynamodb",)
    assert truth.root_kind in get_args(Kind)
    assert truth.dns_role in get_args(DnsRole)
    assert truth.dns_failure in get_args(DnsFailure)


def test_trigger_is_the_time_without_addresses_in_the_change_log(history: History) -> None:
    rows = [row for row in history.changes if row.target == history.truth.root_component and row.answers is not None]
    emptied = next(row for row in rows if row.answers == 0)
    restored = next(row for row in rows if row.time > emptied.time and row.answers)
    assert history.truth.trigger == (emptied.time, restored.time)


def test_the_sustaining_loop_is_apart_from_the_trigger(history: History) -> None:
    truth = history.truth
    assert truth.storm
    assert truth.metastable
    assert truth.storm_edges == (("ec2-dwfm", "droplets"),)
    assert truth.storm_start is not None
    assert truth.storm_end is not None
    assert truth.trigger[1] <= truth.storm_start < truth.storm_end < truth.span[1]


def test_symptoms_follow_the_trigger_callers_of_the_record_first(history: History) -> None:
    truth = history.truth
    assert min(truth.affected.values()) >= truth.trigger[0]
    first = {name for name, onset in truth.affected.items() if onset < truth.trigger[0] + 120}
    assert {"food-ordering", "banking", "sts", "lambda", "iam-signin"} <= first
    assert truth.affected["nlb"] > truth.affected["network-manager"] > local(5, 28)
    assert "dynamodb" not in truth.affected


def test_incident_covers_all_phases(history: History) -> None:
    truth = history.truth
    assert truth.span[0] == truth.trigger[0]
    assert truth.span[1] >= max(phase.end or 0.0 for phase in truth.phases)
    assert local(13, 30) <= truth.span[1] <= local(14, 20)
    assert [phase.start for phase in truth.phases] == sorted(phase.start for phase in truth.phases)


def test_truth_is_written_as_json(history: History) -> None:
    written = json.loads(history.truth.to_json())
    assert written["root_component"] == history.truth.root_component
    assert written["storm_edges"] == [["ec2-dwfm", "droplets"]]
    assert {phase["name"] for phase in written["phases"]} == {phase.name for phase in history.truth.phases}
