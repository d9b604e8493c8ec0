"""Drawn traces agree with the flows of their world, and look like what real clients leave behind."""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from epicenter.collector.model import ERROR_CLASSES, SPANS
from epicenter.synthetic import History
from epicenter.synthetic.telemetry.spans import span_source, span_tables
from epicenter.synthetic.telemetry.tree import OUTCOMES, draw_forest
from epicenter.synthetic.world.history import DIALECTS

from .toy_history import OUTAGE, START, TICK_S, TICKS, toy_history

FIVE_SIGMA = 5.0  # some thousand comparisons: by chance one in a million exceeds it


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
def test_outcomes_and_attempts_follow_the_flows_tick_by_tick(failure: str) -> None:
    _compare(toy_history(failure=failure), edges=range(3), ticks_per_block=10, spans_per_second=150.0)


def test_the_flagship_s_front_doors_follow_its_flows(flagship: History) -> None:
    """Where users come in; further in, requests share their callers' fates, which widens the scatter."""
    served = {edge.server for edge in flagship.edges}
    fronts = [
        e
        for e, edge in enumerate(flagship.edges)
        if edge.client not in served and edge.backoff_s < flagship.tick_s and edge.server == "dynamodb"
    ]
    assert len(fronts) >= 5
    _compare(flagship, edges=fronts, ticks_per_block=90, spans_per_second=20.0)


def _compare(history: History, edges: range | list[int], ticks_per_block: int, spans_per_second: float) -> None:
    blocks = history.ticks // ticks_per_block
    counted = np.zeros((blocks, len(history.edges), len(OUTCOMES)))
    calls = np.zeros((blocks, len(history.edges)))
    source = span_source(history, spans_per_second=spans_per_second, seed=3)
    for ticks in source.chunks():
        forest = draw_forest(history, source.odds, ticks, source.share, np.random.default_rng([3, ticks.start]))
        for e in edges:
            attempts = forest.attempts[e]
            client = history.service(history.edges[e].client)
            tick = forest.requests[client].tick[attempts.call_request[attempts.call]]
            block = np.minimum(tick // ticks_per_block, blocks - 1)
            flat = np.bincount(block * len(OUTCOMES) + attempts.outcome, minlength=blocks * len(OUTCOMES))
            counted[:, e] += flat.reshape(blocks, len(OUTCOMES))
            calls[:, e] += np.bincount(block[attempts.k == 0], minlength=blocks)

    def sums(flow: np.ndarray) -> np.ndarray:
        return flow[: blocks * ticks_per_block].reshape(blocks, ticks_per_block, *flow.shape[1:]).sum(axis=1)

    originals, attempted, failures = sums(history.originals), sums(history.attempts), sums(history.failures)
    for e in edges:
        # attempts of one call fail together, so calls are the independent draws, and calls of one request nearly so
        n = np.maximum(calls[:, e], 1) / np.maximum(1.0, history.edges[e].calls_per_request)
        sigma = 0.5 * (1 + history.edges[e].retries) / np.sqrt(n)
        per_call = counted[:, e].sum(axis=1) / np.maximum(calls[:, e], 1)
        assert np.all(np.abs(per_call - attempted[:, e] / originals[:, e]) < FIVE_SIGMA * sigma)
        for c, name in enumerate(ERROR_CLASSES):
            expected = failures[:, e, c] / attempted[:, e]
            seen = counted[:, e, 1 + c] / np.maximum(counted[:, e].sum(axis=1), 1)
            sigma = (1 + history.edges[e].retries) * np.sqrt(np.maximum(expected * (1 - expected), 1 / n) / n)
            assert np.all(np.abs(seen - expected) < FIVE_SIGMA * sigma), (history.edges[e], name)


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
    from dataclasses import replace

    history = toy_history()
    back = replace(history.edges[1], client="dynamodb", server="checkout")
    with pytest.raises(ValueError, match="cycle"):
        span_source(replace(history, edges=(*history.edges[:2], back)), spans_per_second=1.0, seed=1)
