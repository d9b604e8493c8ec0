"""The flagship's history holds together, and keeps the names that users query."""

from __future__ import annotations

import re

import numpy as np
import pytest

from epicenter.collector.concepts import concepts_of
from epicenter.collector.errors import UsageError
from epicenter.collector.model import CHANGE_KINDS, ERROR_CLASSES
from epicenter.synthetic import SCENARIOS, History, simulate
from epicenter.synthetic.world.history import DIALECTS
from tests.synthetic.worlds import world


@pytest.fixture
def history() -> History:
    return world(0)


def test_unknown_scenario_names_the_nearest() -> None:
    with pytest.raises(UsageError, match=re.escape("'aws-dynamodb-2025'")):
        simulate("aws-dynamo")


def test_registry_goes_by_the_names_of_the_scenarios() -> None:
    assert {name: estate.name for name, estate in SCENARIOS.items()} == {name: name for name in SCENARIOS}


def test_it_covers_the_published_night(history: History) -> None:
    assert history.start == 1760940000
    assert history.end - history.start == 15.5 * 3600


def test_arrays_have_the_shapes_that_the_seam_promises(history: History) -> None:
    t, s, e = history.ticks, len(history.services), len(history.edges)
    for name in ("entries", "arrivals", "failed", "own_failed", "latency_s", "queue_depth", "queue_age_s"):
        assert getattr(history, name).shape == (t, s)
    for name in ("originals", "attempts", "ok", "in_flight", "waiting", "given_up", "latency_ok_s", "latency_server_s"):
        assert getattr(history, name).shape == (t, e)
    assert history.failures.shape == (t, e, len(ERROR_CLASSES))
    assert all(len(series.values) == t for series in history.series)


def test_nothing_is_negative_or_undefined(history: History) -> None:
    for name in ("entries", "arrivals", "failed", "attempts", "ok", "failures", "latency_s", "latency_ok_s"):
        values = getattr(history, name)
        assert np.isfinite(values).all()
        assert values.min() >= 0
    assert (history.failed <= history.arrivals * (1 + 1e-9)).all()
    assert (history.own_failed <= history.failed * (1 + 1e-9) + 1e-9).all()


def test_attempts_are_ok_or_failed_or_in_flight(history: History) -> None:
    ended = history.ok + history.failures.sum(axis=2)
    assert np.abs(np.cumsum(history.attempts - ended, axis=0) - history.in_flight).max() < 1e-6


def test_requests_reach_a_service_as_entries_or_attempts(history: History) -> None:
    reached = history.entries.copy()
    got_there = (
        history.ok
        + history.failures[:, :, ERROR_CLASSES.index("deadline")]
        + history.failures[:, :, ERROR_CLASSES.index("server")]
    )
    for e, edge in enumerate(history.edges):
        if edge.calls_per_request:
            reached[:, history.service(edge.server)] += got_there[:, e]
    droplets = history.service("droplets")
    others = [s for s in range(len(history.services)) if s != droplets]
    assert history.arrivals[:, others] == pytest.approx(reached[:, others])


def test_no_more_calls_end_than_began(history: History) -> None:
    for e, edge in enumerate(history.edges):
        if edge.calls_per_request:
            ended = history.ok[:, e].sum() + history.given_up[:, e].sum() + history.waiting[-1, e]
            assert ended == pytest.approx(history.originals[:, e].sum())


def test_every_kind_of_change_and_dialect_is_one_that_the_model_knows(history: History) -> None:
    assert {row.kind for row in history.changes} <= set(CHANGE_KINDS)
    assert {edge.dialect for edge in history.edges} <= set(DIALECTS)
    assert [row.time for row in history.changes] == sorted(row.time for row in history.changes)


def test_series_are_unique_and_known_to_the_concept_table(history: History) -> None:
    keys = [(series.name, tuple(sorted(series.labels.items()))) for series in history.series]
    assert len(keys) == len(set(keys))
    unread = {series.name for series in history.series if not concepts_of(series.name)}
    assert unread == {"coredns_dns_requests_total"}


def test_counters_never_fall(history: History) -> None:
    for series in history.series:
        if series.kind == "counter":
            assert (np.diff(series.values) >= 0).all(), series.name


def test_resolvers_see_nothing_wrong_with_the_empty_record(history: History) -> None:
    """NODATA is NOERROR on the wire: no answer code changes its share during the outage."""
    trouble = (history.times >= history.truth.trigger_start) & (history.times < history.truth.trigger_end)
    rates = {
        series.labels["rcode"]: np.diff(series.values, prepend=0)
        for series in history.series
        if series.name == "coredns_dns_responses_total"
    }
    bad = (rates["NXDOMAIN"] + rates["SERVFAIL"]) / (rates["NOERROR"] + rates["NXDOMAIN"] + rates["SERVFAIL"])
    assert bad[trouble].mean() < bad[:200].mean()


def test_probes_see_only_what_the_internet_sees(history: History) -> None:
    names = {series.name for series in history.series if "city" in series.labels}
    assert names == {"probe_dns_answer_rrs", "probe_dns_query_succeeded", "probe_success"}
    trouble = (history.times >= history.truth.trigger_start + 60) & (history.times < history.truth.trigger_end)
    for series in history.series:
        if series.name == "probe_dns_answer_rrs" and series.labels["instance"] == history.truth.root_component:
            assert (series.values[trouble] == 0).all()
            assert series.values[0] == 8


def test_a_name_that_never_had_aaaa_records_has_none_all_day(history: History) -> None:
    """Chronic and harmless: a detector that takes it for the outage is wrong."""
    chronic = [
        series.values
        for series in history.series
        if series.name == "probe_dns_answer_rrs" and series.labels["instance"] == "sts.us-east-1.amazonaws.com"
    ]
    assert sorted({tuple(np.unique(values)) for values in chronic}) == [(0.0,), (2.0,)]
