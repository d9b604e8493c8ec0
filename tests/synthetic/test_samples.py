"""What Prometheus would have scraped: counters of everything, in step with the world."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from epicenter.collector.model import SAMPLES
from epicenter.synthetic.telemetry.samples import sample_tables

from .toy_history import OUTAGE, START, TICK_S, TICKS, toy_history

EVERY_S = 30.0


@pytest.fixture(scope="module")
def samples() -> pd.DataFrame:
    table = pa.concat_tables(sample_tables(toy_history(), every_s=EVERY_S))
    assert table.schema == SAMPLES
    frame = table.to_pandas()
    frame["time"] = frame.pop("Timestamp").astype("int64") / 1e9
    frame["Labels"] = frame.Labels.map(dict)
    frame["series"] = frame.Name + frame.Labels.map(lambda labels: str(sorted(labels.items())))
    return frame


def select(samples: pd.DataFrame, name: str, **labels: str) -> pd.DataFrame:
    chosen = samples[samples.Name == name]
    return chosen[chosen.Labels.map(lambda found: all(found.get(key, "") == value for key, value in labels.items()))]


def total(samples: pd.DataFrame, name: str, **labels: str) -> float:
    """The sum over series of all increases, restarts from zero included."""
    changes = select(samples, name, **labels).groupby("series").Value
    first = changes.first().sum()
    return float(first + changes.apply(lambda v: np.where(v.diff() < 0, v, v.diff())[1:].sum()).sum())


def test_scrapes_come_at_even_steps_without_jitter(samples: pd.DataFrame) -> None:
    steps = (samples.time - START) / EVERY_S
    assert (steps == steps.round()).all()
    assert samples.groupby("series").time.diff().dropna().eq(EVERY_S).all()
    assert samples.time.max() == START + TICKS * TICK_S


def test_labels_are_sorted_and_never_empty(samples: pd.DataFrame) -> None:
    for labels in samples.drop_duplicates("series").Labels:
        assert list(labels) == sorted(labels)
        assert all(labels.values())


def test_counters_count_every_request_and_attempt_not_only_the_sampled_ones(samples: pd.DataFrame) -> None:
    history = toy_history()
    served = total(samples, "http_server_request_duration_seconds_count", job="dynamodb")
    assert served == pytest.approx(history.arrivals[:, history.service("dynamodb")].sum(), abs=2)
    failed = total(samples, "http_client_request_duration_seconds_count", job="checkout", http_response_status_code="")
    assert failed == pytest.approx(history.failures[:, 1].sum(), abs=2)
    looked_up = total(samples, "dns_lookup_duration_seconds_count", job="checkout", error_type="EAI_NODATA")
    assert looked_up == pytest.approx(history.failures[:, 1].sum(), abs=2)


def test_counters_only_grow_but_for_a_restart(samples: pd.DataFrame) -> None:
    counts = samples[samples["Name"].str.contains("^(?!aws_).*_(?:count|bucket|sum)$")]
    falls = counts[counts.groupby("series").Value.diff() < -1e-9]
    assert {labels.get("job") for labels in falls.Labels} == {"checkout"}
    restart = START + TICK_S * OUTAGE.stop
    assert falls.time.between(restart, restart + EVERY_S).all()


def test_buckets_add_up(samples: pd.DataFrame) -> None:
    buckets = select(samples, "http_server_request_duration_seconds_bucket", job="shop", error_type="")
    bounds = buckets.assign(le=[float(labels["le"]) for labels in buckets.Labels])
    wide = bounds.pivot(index="time", columns="le", values="Value")
    assert wide.shape[1] == 15
    assert (wide.diff(axis=1).iloc[:, 1:] >= 0).all(axis=None)
    counts = select(samples, "http_server_request_duration_seconds_count", job="shop", error_type="")
    assert wide[float("inf")].to_list() == counts.Value.to_list()
    assert wide.iloc[-1][0.005] < 0.01 * wide.iloc[-1][float("inf")]  # it takes some 30 ms
    assert wide.iloc[-1][0.25] > 0.95 * wide.iloc[-1][float("inf")]


def test_a_series_appears_with_its_first_observation(samples: pd.DataFrame) -> None:
    failed = select(samples, "http_client_request_duration_seconds_count", job="ticker", http_response_status_code="")
    assert failed.time.min() == START + TICK_S * OUTAGE.start + 2 * TICK_S  # the first scrape after the outage began
    assert failed.Value.min() > 0


def test_gauges_show_the_state_at_the_scrape(samples: pd.DataFrame) -> None:
    asked = {"query_type": "A", "city": "ashburn"}
    answers = select(samples, "probe_dns_answer_rrs", **asked).set_index("time").Value
    assert answers[START] == 8
    empty = answers.index[answers == 0]
    assert 0 < empty.min() - (START + TICK_S * OUTAGE.start) <= EVERY_S
    assert 0 <= (START + TICK_S * OUTAGE.stop) - empty.max() < EVERY_S
    assert answers.iloc[-1] == 8
