"""Samples within bounds: of too many series those that came first are kept, with all of their points."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from epicenter.collector.model import SAMPLES
from epicenter.live.config import Limits
from epicenter.live.samples import Samples
from tests.collector.told import T0, sample

NAME = "http_requests_total"


def rows(jobs: Sequence[str], *times: float) -> pa.Table:
    told = [sample(NAME, at=at, value=at, job=job) for job in jobs for at in times]
    return pa.Table.from_pylist(told, SAMPLES)


def test_of_more_series_than_are_kept_the_first_stay_whole() -> None:
    samples = Samples(window_s=60, lateness_s=600, limits=Limits(series=3))
    samples.add(rows("ab", 0, 15, 30), 1)
    samples.add(rows("bcde", 45), 2)
    assert samples.take_in(T0 + 60) == (0, 2)
    samples.add(rows("abcde", 60), 3)
    assert samples.take_in(T0 + 60) == (0, 2)
    _, found = samples.close(T0 + 120)
    requests = [row for row in found.to_pylist() if row["concept"] == "requests"]
    assert sorted({row["component"] for row in requests}) == ["a", "b", "c"]
    assert sum(row["value"] for row in requests) == 60 + 60 + 15


def test_a_service_of_too_many_series_takes_no_room_from_others() -> None:
    samples = Samples(window_s=60, lateness_s=600, limits=Limits(series=100, service_series=2))
    many = [sample(NAME, at=at, value=at, service_name="crawler", path=f"/{n}") for n in range(90) for at in (0, 30)]
    samples.add(pa.Table.from_pylist(many, SAMPLES), 1)
    assert samples.take_in(T0 + 31) == (0, 88 * 2)
    samples.add(rows([f"s{n}" for n in range(90)], 0, 30), 2)
    assert samples.take_in(T0 + 31) == (0, 0)
    _, found = samples.close(T0 + 60)
    requests = {row["component"]: row["value"] for row in found.to_pylist() if row["concept"] == "requests"}
    assert requests == {"crawler": 60} | {f"s{n}": 30 for n in range(90)}
