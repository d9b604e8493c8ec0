"""Every dialect keeps what Prometheus expects of an exposition, and what a scraper would see of this world."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from epicenter.synthetic.telemetry.metrics import DIALECTS, Family, families, streamed
from epicenter.synthetic.telemetry.metrics.grid import Grid

from .dialects import DARK, EVERY_S, Told, rich_history
from .toy_history import OUTAGE, TICK_S, toy_history

every_dialect = pytest.mark.parametrize("dialect", DIALECTS)


@cache
def told(dialect: str) -> tuple[Family, ...]:
    return tuple(families(rich_history(), EVERY_S, (dialect,)))


@every_dialect
def test_names_and_labels_are_legal_sorted_and_never_empty(dialect: str) -> None:
    for family in told(dialect):
        assert re.fullmatch(r"[a-zA-Z_:][a-zA-Z0-9_:]*", family.name)
        for series in family.series:
            assert list(series.labels) == sorted(series.labels)
            assert all(re.fullmatch(r"[a-zA-Z_]\w*", name) and value for name, value in series.labels.items())


@every_dialect
def test_no_series_is_told_twice(dialect: str) -> None:
    keys = [
        (family.name + series.suffix, tuple(series.labels.items()))
        for family in told(dialect)
        for series in family.series
    ]
    assert len(keys) == len(set(keys))
    assert keys


@every_dialect
def test_every_series_has_a_value_at_some_scrape_and_one_slot_for_each(dialect: str) -> None:
    scrapes = len(Grid(rich_history(), EVERY_S).times)
    for family in told(dialect):
        for series in family.series:
            assert series.values.shape == (scrapes,)
            assert np.isfinite(series.values[~np.isnan(series.values)]).all()
            assert not np.isnan(series.values).all(), (family.name, series.labels)


@every_dialect
def test_counters_only_grow_but_for_a_restart(dialect: str) -> None:
    """Checkout restarts when the outage ends; one of its pods was down before."""
    for family in told(dialect):
        counting = [series for series in family.series if "quantile" not in series.labels]  # a summary's may fall
        for series in counting if family.kind != "gauge" else ():
            values = series.values[~np.isnan(series.values)]
            assert (values >= 0).all()
            fell = np.flatnonzero(np.diff(values) < -1e-6)
            assert not len(fell) or "checkout" in str(series.labels), (family.name, series.labels)
            assert len(fell) <= 2
            assert (np.diff(values)[fell] <= 0.1 * values[fell] - values[fell]).all()  # back to next to nothing


@every_dialect
def test_buckets_grow_with_their_bound_and_the_last_is_the_count(dialect: str) -> None:
    for family in told(dialect):
        if family.kind != "histogram":
            continue
        buckets: dict[tuple[tuple[str, str], ...], dict[float, np.ndarray]] = {}
        others: dict[tuple[tuple[str, str], ...], dict[str, np.ndarray]] = {}
        for series in family.series:
            key = tuple((name, value) for name, value in series.labels.items() if name != "le")
            if series.suffix == "_bucket":
                buckets.setdefault(key, {})[float(series.labels["le"])] = series.values
            else:
                others.setdefault(key, {})[series.suffix] = series.values
        assert buckets.keys() == others.keys()
        for key, by_bound in buckets.items():
            assert list(by_bound) == sorted(by_bound)
            stacked = np.array(list(by_bound.values()))
            assert (np.diff(np.nan_to_num(stacked), axis=0) >= 0).all()
            np.testing.assert_array_equal(by_bound[math.inf], others[key]["_count"])
            assert np.nanmax(others[key]["_sum"]) > 0


@pytest.mark.parametrize("dialect", ["semconv", "semconv-pods", "envoy", "grpc", "queues"])
def test_a_service_s_own_metrics_are_missing_while_its_telemetry_is_lost(dialect: str) -> None:
    history = rich_history()
    for job in ("shop", "checkout", "ticker"):
        lost = history.lost.copy()
        lost[:, history.service(job)] = 1.0
        dark = Told(replace(history, lost=lost), dialect)
        of_job = [s for f in dark.families.values() for s in f.series if s.labels["job"] == job]
        assert all(np.isnan(series.values).all() for series in of_job)
    shop = [s for f in told(dialect) for s in f.series if s.labels["job"] == "shop"]
    for series in shop:
        assert np.isnan(series.values[DARK.start + 1 : DARK.stop + 1]).all()
        assert not np.isnan(series.values[DARK.stop + 2])


@pytest.mark.parametrize("dialect", ["coredns", "hubble", "blackbox", "yace"])
def test_what_others_tell_of_a_service_is_not_lost_with_its_telemetry(dialect: str) -> None:
    history = rich_history()
    dark = replace(history, lost=np.ones_like(history.lost))
    for family, other in zip(families(dark, EVERY_S, (dialect,)), told(dialect), strict=True):
        for series, same in zip(family.series, other.series, strict=True):
            np.testing.assert_array_equal(series.values, same.values)


def test_a_coarser_scrape_sees_the_same_counters_at_its_moments() -> None:
    fine = Told(toy_history(), "semconv", every_s=TICK_S)
    coarse = Told(toy_history(), "semconv", every_s=6 * TICK_S)
    name = "http_server_request_duration_seconds_count"
    steady = slice(0, OUTAGE.stop // 6)
    ours, theirs = fine.total(name, job="dynamodb"), coarse.total(name, job="dynamodb")
    np.testing.assert_array_equal(theirs[steady], ours[::6][steady])


def test_streaming_gives_the_same_as_families() -> None:
    names = tuple(name for name in DIALECTS if name not in ("semconv-pods", "envoy-pods", "kube"))
    whole = families(rich_history(), 60.0, names)
    for family, made in zip(whole, streamed(rich_history(), 60.0, names), strict=True):
        assert family.name == made.name
        for series, same in zip(family.series, made.series, strict=True):
            assert (series.suffix, series.labels) == (same.suffix, same.labels)
            np.testing.assert_array_equal(series.values, same.values)


def test_two_dialects_of_one_name_are_refused_and_so_is_an_unknown_one() -> None:
    with pytest.raises(ValueError, match="by both semconv and semconv-pods"):
        list(families(toy_history(), 60.0, ("semconv", "semconv-pods")))
    with pytest.raises(KeyError, match="statsd"):
        list(families(toy_history(), 60.0, ("statsd",)))
