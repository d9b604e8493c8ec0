"""The flagship's history holds together, and what the world outside can see of it is what it could see that night."""

from __future__ import annotations

import re

import numpy as np
import pytest

from epicenter.collector.concepts import concepts_of
from epicenter.collector.errors import UsageError
from epicenter.collector.model import CHANGE_KINDS, ERROR_CLASSES
from epicenter.synthetic import SCENARIOS, History, simulate
from epicenter.synthetic.world.history import DIALECTS, Floats, Probe
from tests.synthetic.worlds import world


@pytest.fixture
def history() -> History:
    return world(0)


def test_unknown_scenario_names_the_nearest() -> None:
    with pytest.raises(UsageError, match=re.escape("'aws-dynamodb-2025'")):
        simulate("aws-dynamo")


def test_registry_goes_by_the_names_of_the_scenarios() -> None:
    assert {name: estate(0).name for name, estate in SCENARIOS.items()} == {name: name for name in SCENARIOS}


def test_it_covers_the_published_night(history: History) -> None:
    assert history.start == 1760940000
    assert history.end - history.start == 15.5 * 3600


def test_arrays_have_the_shapes_that_the_seam_promises(history: History) -> None:
    t, s, e = history.ticks, len(history.services), len(history.edges)
    by_service = "entries arrivals served failed own_failed latency_s queue_depth queue_age_s up lost"
    by_edge = "originals attempts ok in_flight waiting given_up latency_ok_s latency_server_s"
    for names, width in ((by_service, s), (by_edge, e)):
        for name in names.split():
            assert getattr(history, name).shape == (t, width), name
    assert history.failures.shape == (t, e, len(ERROR_CLASSES))
    odds = history.odds
    for of_edge in (odds.calls, odds.refused, odds.unconnected, odds.late, odds.granted, *odds.unresolved.values()):
        assert of_edge.shape == (t, e)
    assert odds.failing.shape == odds.own.shape == (t, s)
    told = [series.values for series in history.series] + [lookups.count for lookups in history.lookups]
    assert {values.shape for values in told} == {(t,)}


def test_the_lease_work_reaches_the_droplets_when_it_is_done(history: History) -> None:
    """The one edge that the engine does not step: minutes long, in a queue of the manager's own."""
    edge, droplets = history.edge("ec2-dwfm", "droplets"), history.service("droplets")
    assert history.arrivals[:, droplets].sum() >= history.ok[:, edge].sum() > 0
    ended = history.ok[:, edge] + history.failures[:, edge].sum(axis=1)
    assert np.abs(np.cumsum(history.attempts[:, edge] - ended) - history.in_flight[:, edge]).max() < 1e-6


def test_every_kind_of_change_and_dialect_is_one_that_the_model_knows(history: History) -> None:
    assert {row.kind for row in history.changes} <= set(CHANGE_KINDS)
    assert {edge.dialect for edge in history.edges} <= set(DIALECTS)
    assert [row.time for row in history.changes] == sorted(row.time for row in history.changes)


def test_series_are_unique_and_known_to_the_concept_table(history: History) -> None:
    keys = [(series.name, tuple(sorted(series.labels.items()))) for series in history.series]
    assert len(keys) == len(set(keys))
    assert {series.name for series in history.series if not concepts_of(series.name)} == set()


def test_counters_never_fall(history: History) -> None:
    counters = [series for series in history.series if series.kind == "counter"]
    assert counters
    for series in counters:
        assert (np.diff(series.values) >= 0).all(), series.name


def trouble(history: History, delay_s: float = 0.0) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    start, end = history.truth.trigger_start, history.truth.trigger_end
    assert start is not None
    assert end is not None
    return (history.times >= start + delay_s) & (history.times < end)


def answered(history: History, rcodes: set[str], *, empty: bool | None = None) -> Floats:
    """[T] Look-ups answered that way, by all resolvers."""
    chosen = [one.count for one in history.lookups if one.rcode in rcodes and empty in (None, one.empty)]
    assert chosen
    return np.sum(chosen, axis=0)


def test_no_answer_code_tells_of_the_empty_record_only_the_empty_answers_do(history: History) -> None:
    """NODATA is NOERROR on the wire: no answer code gains a share during the outage."""
    everything = answered(history, {"NOERROR", "NXDOMAIN", "SERVFAIL", "REFUSED", ""})
    bad = answered(history, {"NXDOMAIN", "SERVFAIL"}) / everything
    hollow = answered(history, {"NOERROR"}, empty=True) / everything
    assert bad[trouble(history)].mean() < bad[:200].mean()
    assert hollow[trouble(history, 3600.0)].mean() > 3 * hollow[:200].mean()


def probes(history: History, module: str, target: str) -> list[Probe]:
    found = [probe for probe in history.probes if (probe.module, probe.target) == (module, target)]
    assert found
    return found


def test_probes_see_what_the_internet_sees(history: History) -> None:
    for probe in probes(history, "dns", history.truth.root_component):
        assert (probe.answers[trouble(history, 60.0)] == 0).all()
        assert (probe.success[trouble(history, 60.0)] == 1).all()
        assert probe.answers[0] == 8
    front = np.mean([probe.success for probe in probes(history, "http", "https://food-ordering.example.com")], axis=0)
    assert front[trouble(history, 3600.0)].mean() < 0.2
    assert front[:200].mean() > 0.98


def test_a_name_that_never_had_aaaa_records_has_none_all_day(history: History) -> None:
    """Chronic and harmless: a detector that takes it for the outage is wrong."""
    chronic = probes(history, "dns", "sts.us-east-1.amazonaws.com")
    assert {probe.qtype: set(np.unique(probe.answers)) for probe in chronic} == {"A": {2.0}, "AAAA": {0.0}}


def test_targets_of_the_balancer_flap_and_a_zone_goes_out_of_service(history: History) -> None:
    assert {targets.balancer for targets in history.targets} == {"nlb"}
    assert len(history.targets) == 3
    assert max(targets.flips.max() for targets in history.targets) > 5
    assert min(targets.healthy.min() for targets in history.targets) == 0
