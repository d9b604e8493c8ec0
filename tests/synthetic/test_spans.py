"""Drawn traces agree with the flows of their world, and look like what real clients leave behind."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from epicenter.collector.model import SPANS
from epicenter.synthetic import History
from epicenter.synthetic.telemetry.odds import OK
from epicenter.synthetic.telemetry.spans import span_source, span_tables
from epicenter.synthetic.telemetry.tree import BROKEN, OWN
from epicenter.synthetic.world.history import DIALECTS
from tests.simulated import simulated

from .drawn import FIVE_SIGMA, counted, forests, shares_of_edge
from .toy_history import OUTAGE, START, TICK_S, TICKS, toy_history


@cache
def spans_of(dialect: str, failure: str = "dns_nodata", spans_per_second: float = 8.0) -> pd.DataFrame:
    history = toy_history(dialect, failure=failure)
    tables = span_tables(history, spans_per_second=spans_per_second, seed=7)
    frame = pa.concat_tables(tables).to_pandas()
    for column in ("SpanAttributes", "ResourceAttributes"):
        frame[column] = frame[column].map(dict)
    return frame


def database_calls(frame: pd.DataFrame) -> pd.DataFrame:
    """The client spans from checkout, of attempts or calls as the dialect has it."""
    clients = frame[(frame.ServiceName == "checkout") & (frame.SpanKind == "Client")]
    return clients[clients.SpanName != "dns.lookup"]


@pytest.mark.parametrize("failure", ["dns_nodata", "connect", "deadline"])
def test_what_is_drawn_follows_the_odds(failure: str) -> None:
    _assert_odds(toy_history(failure=failure), spans_per_second=150.0)


def test_the_flagship_is_drawn_by_its_odds(flagship: History) -> None:
    _assert_odds(flagship, spans_per_second=20.0)


@pytest.mark.parametrize("name", ["metadata-timeout-storm", "restart-herd"])
def test_other_worlds_are_drawn_by_their_odds(name: str) -> None:
    _assert_odds(simulated(name), spans_per_second=20.0)


def _assert_odds(history: History, spans_per_second: float) -> None:
    drawn = forests(history, spans_per_second)
    told = 0
    for e, edge in enumerate(history.edges):
        # calls of one request, and requests of one call, share their fates
        together = (1.0 + edge.retries) * np.ceil(edge.calls_per_request + 1.0)
        for share in shares_of_edge(history, drawn, e):
            told += 1
            assert share.agrees(together), share
    assert told >= 3 * len(history.edges) / 2


@pytest.mark.parametrize("failure", ["dns_nodata", "connect", "deadline"])
def test_attempts_and_outcomes_follow_the_books(failure: str) -> None:
    history, ticks = toy_history(failure=failure), 20
    drawn = forests(history, 150.0)
    for e, edge in enumerate(history.edges):
        outcomes, calls = counted(history, drawn, e, ticks)
        booked = (
            np.column_stack([history.ok[:, e], history.failures[:, e]]).reshape(-1, ticks, outcomes.shape[1]).sum(1)
        )
        originals = history.originals[:, e].reshape(-1, ticks).sum(axis=1)
        # a call makes one attempt or up to all of them
        sigma = 0.5 * (1 + edge.retries) / np.sqrt(calls)
        off = outcomes / calls[:, None] - booked / originals[:, None]
        assert np.all(np.abs(off) < FIVE_SIGMA * sigma[:, None]), edge


def test_traces_are_consistent_a_request_fails_where_a_required_call_was_given_up() -> None:
    history = toy_history()
    for forest in forests(history, 50.0):
        requests, attempts = forest.requests[1], forest.attempts[1]
        given_up = np.zeros(len(requests), np.bool_)
        given_up[attempts.call_request[attempts.call[attempts.last() & (attempts.outcome != OK)]]] = True
        # but for the few whose retry met other odds in the next tick
        assert np.mean((given_up == (requests.state == BROKEN)) | (requests.state == OWN)) > 0.9995


def test_a_call_whose_name_does_not_resolve_stays_stuck_while_the_share_lasts() -> None:
    history = toy_history()
    inside = range(OUTAGE.start + 1, OUTAGE.stop - 1)
    for forest in forests(history, 150.0):
        attempts = forest.attempts[1]
        now = np.isin(attempts.tick, inside)
        stuck = now & (attempts.outcome != OK)
        again = np.flatnonzero(now[1:] & stuck[:-1] & (attempts.call[1:] == attempts.call[:-1])) + 1
        assert (attempts.outcome[again] == attempts.outcome[again - 1]).all()


def test_refused_connections_come_back_at_once() -> None:
    frame = spans_of("python-requests", failure="refused")
    refused = database_calls(frame).query("StatusCode == 'Error'")
    assert len(refused) > 100
    assert refused.StatusMessage.str.contains("Connection refused").all()
    assert (refused.Duration < 0.05e9).all()


def test_a_client_s_own_queue_of_work_begins_traces_by_itself() -> None:
    history = toy_history()
    alone = replace(history.odds, calls=history.odds.calls * [1.0, 1.0, 0.0])
    without = replace(history, odds=alone, entries=history.entries * [1.0, 1.0, 1.0, 0.0])
    frame = pa.concat_tables(span_tables(without, spans_per_second=40.0, seed=7)).to_pandas()
    work = frame[frame.ServiceName == "ticker"]
    roots = work[work.ParentSpanId == ""]
    assert len(roots) > 500
    assert set(roots.SpanKind) == {"Internal"}
    assert work[work.ParentSpanId != ""].groupby("TraceId").ParentSpanId.nunique().max() == 1
    assert len(roots) / (frame.ParentSpanId == "").sum() == pytest.approx(
        history.originals[:, 2].sum() / (history.originals[:, 2].sum() + history.entries[:, 0].sum()), rel=0.05
    )


def test_spans_that_never_arrive_leave_children_without_parents() -> None:
    history = toy_history()
    lost = np.zeros_like(history.entries)
    lost[:, 1] = 0.5
    whole, part = (
        pa.concat_tables(span_tables(of, spans_per_second=8.0, seed=7)).to_pandas()
        for of in (history, replace(history, lost=lost))
    )
    kept = part.ServiceName.value_counts() / whole.ServiceName.value_counts()
    assert kept["checkout"] == pytest.approx(0.5, abs=0.02)
    assert kept["shop"] == 1.0
    orphans = part[(part.ParentSpanId != "") & ~part.ParentSpanId.isin(part.SpanId)]
    assert "dynamodb" in set(orphans.ServiceName)


def test_as_many_spans_are_drawn_as_asked_for() -> None:
    frame = spans_of("python-requests", spans_per_second=8.0)
    assert len(frame) / (TICKS * TICK_S) == pytest.approx(8.0, rel=0.05)


def test_every_span_hangs_in_its_own_trace_and_ids_are_unique() -> None:
    frame = spans_of("node-aws-sdk")
    assert frame.SpanId.is_unique
    assert set(frame.SpanId.str.len()) == {16}
    assert set(frame.TraceId.str.len()) == {32}
    below = frame[frame.ParentSpanId != ""]
    trace_of = frame.set_index("SpanId").TraceId
    assert (trace_of.loc[below.ParentSpanId].to_numpy() == below.TraceId.to_numpy()).all()
    roots = frame[frame.ParentSpanId == ""]
    assert roots.TraceId.is_unique
    assert set(roots.ServiceName) == {"shop", "ticker"}


def test_the_schema_is_the_model_s() -> None:
    (table,) = span_tables(toy_history(), spans_per_second=5.0, seed=1)
    assert table.schema == SPANS


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_failed_resolution_is_quick_reaches_nobody_and_has_no_request_id(dialect: str) -> None:
    frame = spans_of(dialect)
    failed = database_calls(frame).query("StatusCode == 'Error'")
    assert len(failed) > 100
    leaves = failed[~failed.SpanName.str.startswith("DynamoDB") | (dialect == "python-botocore")]
    assert not set(leaves.SpanId) & set(frame[frame.SpanKind == "Server"].ParentSpanId)
    retries_s = 1.0 if dialect in ("python-botocore", "node-aws-sdk") else 0.05  # their span lasts for all attempts
    assert (failed.Duration < retries_s * 1e9).all()
    for attributes in failed.SpanAttributes:
        assert not {"aws.request_id", "aws.request.id", "http.status_code", "http.response.status_code"} & set(
            attributes
        )


@pytest.mark.parametrize("dialect", ["python-requests", "java-httpclient", "go-http"])
def test_retries_are_siblings_one_after_the_other_with_pauses(dialect: str) -> None:
    calls = database_calls(spans_of(dialect))
    failed = calls[calls.StatusCode == "Error"].sort_values("Timestamp")
    siblings = failed.groupby("ParentSpanId")
    starts = failed.Timestamp.astype("int64") - int(START * 1e9)
    pauses = starts - (starts + failed.Duration).groupby(failed.ParentSpanId).shift()
    assert set(siblings.size()) <= {3, 6}  # one call or two, each with two retries
    # the first pause is 50 ms and the second 100 ms on average, each spread by half
    assert pauses.dropna().min() >= -1  # of two calls in a row, rounded to whole nanoseconds
    assert 20e6 < pauses.dropna().median() < 160e6


def test_time_outs_last_as_long_as_the_time_out_and_waste_the_server_s_work() -> None:
    frame = spans_of("python-requests", failure="deadline")
    late = database_calls(frame).query("StatusCode == 'Error'")
    assert late.Duration.between(3.0e9, 3.1e9).all()
    served = frame[(frame.SpanKind == "Server") & (frame.ParentSpanId != "")].set_index("ParentSpanId")
    served = served.Duration.loc[late.SpanId]
    assert (served.to_numpy() > late.Duration.to_numpy()).all()
    unreachable = database_calls(spans_of("python-requests", failure="connect")).query("StatusCode == 'Error'")
    assert unreachable.Duration.between(1.0e9, 1.1e9).all()


def test_clocks_of_instances_differ_by_tens_of_milliseconds_at_most() -> None:
    frame = spans_of("go-http")
    parents = frame.set_index("SpanId")
    below = frame[(frame.SpanKind == "Server") & (frame.ParentSpanId != "")]
    lead = below.Timestamp.to_numpy() - parents.Timestamp.loc[below.ParentSpanId].to_numpy()
    lead_ms = lead / np.timedelta64(1, "ms")
    assert lead_ms.min() < -1  # some servers seem to begin before they were called
    assert np.abs(lead_ms).max() < 100
    assert len({attributes["service.instance.id"] for attributes in frame.ResourceAttributes}) == 12


def test_failures_stay_within_the_outage() -> None:
    failed = database_calls(spans_of("python-requests")).query("StatusCode == 'Error'").Timestamp.astype("int64") / 1e9
    assert failed.min() > START + TICK_S * OUTAGE.start - 1.0
    assert failed.max() < START + TICK_S * OUTAGE.stop + 1.0


def test_the_same_seed_draws_the_same_and_another_another() -> None:
    def drawn(seed: int) -> pa.Table:
        return pa.concat_tables(span_tables(toy_history(), spans_per_second=5.0, seed=seed))

    assert drawn(1).equals(drawn(1))
    assert not drawn(1).equals(drawn(2))


def test_calls_in_a_circle_are_refused() -> None:
    history = toy_history()
    back = replace(history.edges[1], client="dynamodb", server="checkout")
    with pytest.raises(ValueError, match="cycle"):
        span_source(replace(history, edges=(*history.edges[:2], back)), spans_per_second=1.0, seed=1)
