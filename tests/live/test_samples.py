"""Samples within bounds: of too many series those that came first are known by name, the others counted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from epicenter.collector.model import SAMPLES
from epicenter.collector.signals import signals
from epicenter.live.bounds import OVERFLOW
from epicenter.live.config import Limits
from epicenter.live.samples import Samples
from tests.collector.told import T0, sample, telemetry

NAME = "http_requests_total"
CLIENT = "http_client_request_duration_seconds_count"


def rows(jobs: Sequence[str], *times: float) -> pa.Table:
    told = [sample(NAME, at=at, value=at, job=job) for job in jobs for at in times]
    return pa.Table.from_pylist(told, SAMPLES)


def told(samples: Samples, concept: str, at: float = 120) -> dict[tuple[str, str], float]:
    """(component, item) -> value in the one window that is open."""
    _, found = samples.close(T0 + at)
    return {(row["component"], row["item"]): row["value"] for row in found.to_pylist() if row["concept"] == concept}


def test_of_more_series_than_are_known_by_name_the_others_are_counted_as_one() -> None:
    samples = Samples(window_s=60, lateness_s=600, limits=Limits(series=3))
    samples.add(rows("ab", 0, 15, 30), 1)
    samples.add(rows("bcde", 35), 2)
    assert samples.take_in(T0 + 60) == (0, 2, 0)
    samples.add(rows("abcde", 55), 3)
    assert samples.take_in(T0 + 60) == (0, 2, 0)
    assert told(samples, "requests") == {("a", ""): 55, ("b", ""): 55, ("c", ""): 20, (OVERFLOW, ""): 40}


def test_a_service_of_too_many_series_takes_no_room_from_others_and_keeps_its_own_count() -> None:
    samples = Samples(window_s=60, lateness_s=600, limits=Limits(series=100, service_series=2))
    many = [sample(NAME, at=at, value=at, service_name="crawler", path=f"/{n}") for n in range(90) for at in (0, 30)]
    samples.add(pa.Table.from_pylist(many, SAMPLES), 1)
    assert samples.take_in(T0 + 31) == (0, 88 * 2, 0)
    samples.add(rows([f"s{n}" for n in range(90)], 0, 30), 2)
    assert samples.take_in(T0 + 31) == (0, 0, 0)
    assert told(samples, "requests") == {("crawler", ""): 90 * 30} | {(f"s{n}", ""): 30 for n in range(90)}


def test_failures_of_series_beyond_the_bound_are_failures_of_their_service() -> None:
    samples = Samples(window_s=60, lateness_s=600, limits=Limits(series=100, service_series=1))
    many = [
        sample(NAME, at=at, value=at, service_name="shop", path=f"/{n}", code=code)
        for n in range(5) for code in ("200", "503") for at in (0, 10)
    ]  # fmt: skip
    samples.add(pa.Table.from_pylist(many, SAMPLES), 1)
    samples.take_in(T0 + 31)
    assert told(samples, "errors") == {("shop", OVERFLOW): 50}


def calls(at: float, n: int, code: str) -> dict[str, Any]:
    labels = {"service_name": f"shop{n}", "server_address": "stock.lan", "http_response_status_code": code}
    return sample(CLIENT, at=at, value=at, **labels)


def test_calls_of_too_many_clients_are_those_of_one_and_end_as_they_did() -> None:
    samples = Samples(window_s=60, lateness_s=600, limits=Limits(series=2))
    samples.add(pa.Table.from_pylist([calls(at, 0, code) for code in ("200", "503") for at in (0, 10)], SAMPLES), 1)
    many = [calls(at, n, code) for n in range(1, 5) for code in ("200", "503", "418") for at in (0, 10)]
    samples.add(pa.Table.from_pylist(many, SAMPLES), 2)
    samples.take_in(T0 + 31)
    of_others = {f"{OVERFLOW}\t200": 40, f"{OVERFLOW}\t503": 40, f"{OVERFLOW}\t": 40}
    items = {"shop0\t200": 10, "shop0\t503": 10} | of_others
    assert told(samples, "client_outcomes") == {("stock.lan", item): count for item, count in items.items()}


def test_beyond_what_is_folded_samples_are_left_out_and_counted() -> None:
    samples = Samples(window_s=60, lateness_s=600, limits=Limits(series=1, folded_series=2))
    samples.add(rows("abcde", 0, 30), 1)
    assert samples.take_in(T0 + 31) == (0, 4, 4)
    samples.add(rows("abcde", 40), 2)
    assert samples.take_in(T0 + 41) == (0, 2, 2)
    assert told(samples, "requests") == {("a", ""): 40, (OVERFLOW, ""): 80}


def test_series_that_are_silent_make_room() -> None:
    samples = Samples(window_s=60, lateness_s=60, limits=Limits(series=1, folded_series=1))
    samples.add(rows("ab", 0, 30), 1)
    assert samples.take_in(T0 + 31) == (0, 2, 0)
    samples.close(T0 + 2000)
    samples.add(rows("cd", 2000, 2010), 2)
    assert samples.take_in(T0 + 2011) == (0, 2, 0)
    assert told(samples, "requests", 2050) == {("c", ""): 10, (OVERFLOW, ""): 10}


def test_a_series_that_gets_room_goes_on_under_its_name_and_is_counted_once() -> None:
    samples = Samples(window_s=60, lateness_s=60, limits=Limits(series=1))
    samples.add(rows("a", 0), 1)
    samples.add(rows("b", *range(0, 1200, 50)), 2)
    samples.take_in(T0 + 1200)
    samples.close(T0 + 1200)  # a has been silent for 15 minutes
    samples.add(rows("b", 1200, 1210), 3)
    assert samples.take_in(T0 + 1211) == (0, 0, 0)
    _, found = samples.close(T0 + 1250)
    requests = [(row["component"], row["value"]) for row in found.to_pylist() if row["concept"] == "requests"]
    assert sum(value for _, value in requests) == 1210 - 1100
    assert {component for component, _ in requests} == {"b"}


def test_room_waits_for_a_folded_series_that_comes_later() -> None:
    samples = Samples(window_s=60, lateness_s=60, limits=Limits(series=2))
    samples.add(rows("ac", 0), 1)
    samples.add(rows("cb", *range(0, 1200, 50)), 2)
    samples.take_in(T0 + 1200)
    samples.close(T0 + 1200)  # a has been silent for 15 minutes
    for number, one in enumerate("cb"):
        samples.add(rows(one, 1200, 1210), 3 + number)
        assert samples.take_in(T0 + 1211) == (0, 0, 0)
    samples.add(rows("d", 1210), 5)
    assert samples.take_in(T0 + 1211) == (0, 1, 0)


def test_what_is_folded_adds_up_to_what_all_series_tell_by_name() -> None:
    """In many pieces, out of order, over several windows."""
    every = [
        sample(NAME, at=float(at), value=at * (n + 1.0), service_name=f"s{n % 3}", path=f"/{n}")
        for n in range(12) for at in range(0, 60, 5)
    ]  # fmt: skip
    with telemetry(samples=every) as connection:
        whole = signals(connection, 10).to_pylist()
    samples = Samples(window_s=10, lateness_s=600, limits=Limits(series=3))
    pieces = sorted(every, key=lambda one: (one["Timestamp"] // (20 * 10**9), one["Value"] * 7 % 11))
    samples.add(pa.Table.from_pylist([one for one in pieces if one["Labels"] in firsts(every)], SAMPLES), 1)
    for start in range(0, len(pieces), 9):
        some = [one for one in pieces[start : start + 9] if one["Labels"] not in firsts(every)]
        if some:
            samples.add(pa.Table.from_pylist(some, SAMPLES), start + 2)
            samples.take_in(T0 + 61)
    _, found = samples.close(T0 + 100)
    counted = ("requests",)  # low and high are of the series by themselves, and stay so
    assert [r for r in found.to_pylist() if r["concept"] in counted] == [r for r in whole if r["concept"] in counted]


def firsts(every: Sequence[dict[str, Any]]) -> list[Any]:
    """The labels of the first series of each of three services."""
    return [one["Labels"] for one in every if any(dict(one["Labels"]).get("path") == f"/{n}" for n in range(3))]
