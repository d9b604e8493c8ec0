"""Samples within bounds: of too many series the first are known by name, others count for what is known."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pytest

from epicenter.collector.model import SAMPLES
from epicenter.collector.signals import signals
from epicenter.live import samples as samples_module
from epicenter.live import series as series_module
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


def test_series_beyond_the_bound_count_for_components_that_are_known_and_for_nobody_else() -> None:
    samples = Samples(window_s=60, lateness_s=600, limits=Limits(series=3))
    samples.add(rows("ab", 0, 15, 30), 1)
    samples.add(rows("bcde", 35), 2)
    assert samples.take_in(T0 + 60) == (0, 0, 2)
    routes = [sample(NAME, at=at, value=at, job=job, path="/new") for job in "ae" for at in (40, 50)]
    samples.add(pa.Table.from_pylist(routes, SAMPLES), 3)
    assert samples.take_in(T0 + 60) == (0, 2, 2)
    samples.add(rows("abcde", 55), 4)
    assert samples.take_in(T0 + 60) == (0, 0, 2)
    assert told(samples, "requests") == {("a", ""): 55 + 10, ("b", ""): 55, ("c", ""): 20}


def test_a_service_of_too_many_series_takes_no_room_from_others_and_keeps_its_own_count() -> None:
    samples = Samples(window_s=60, lateness_s=600, limits=Limits(series=100, service_series=2))
    many = [sample(NAME, at=at, value=at, service_name="crawler", path=f"/{n}") for n in range(90) for at in (0, 30)]
    samples.add(pa.Table.from_pylist(many, SAMPLES), 1)
    assert samples.take_in(T0 + 31) == (0, 88 * 2, 0)
    samples.add(rows([f"s{n}" for n in range(90)], 0, 30), 2)
    assert samples.take_in(T0 + 31) == (0, 0, 0)
    assert told(samples, "requests") == {("crawler", ""): 90 * 30} | {(f"s{n}", ""): 30 for n in range(90)}


def test_how_calls_end_is_told_whole_also_by_series_that_are_new_in_an_outage() -> None:
    """Of both sides: a way to fail is a series of its own."""
    limits = Limits(series=3)
    samples = Samples(window_s=60, lateness_s=600, limits=limits)
    fine = [served("shop", at, "200") for at in (0, 10)] + [called(n, at, "200") for n in (0, 1) for at in (0, 10)]
    samples.add(pa.Table.from_pylist(fine, SAMPLES), 1)
    samples.take_in(T0 + 11)
    failed = [served("shop", at, code) for code in ("503", "418") for at in (20, 30)]
    failed += [called(n, at, "503") for n in range(4) for at in (20, 30)]
    samples.add(pa.Table.from_pylist(failed, SAMPLES), 2)
    assert samples.take_in(T0 + 31) == (0, 12, 0)
    state = samples.state
    assert told(samples, "errors") == {("shop", "503"): 10}
    samples = Samples(window_s=60, lateness_s=600, limits=limits)
    samples.restore(state)
    again = pa.Table.from_pylist([*fine, *failed], SAMPLES)
    samples.add(again, 1)
    assert samples.take_in(T0 + 31) == (0, 12, 0)
    assert told(samples, "errors") == {("shop", "503"): 10}
    outcomes = {f"shop{n}\t503": 10 for n in range(4)} | {f"shop{n}\t200": 10 for n in (0, 1)}
    assert told(samples, "client_outcomes") == {("stock.lan", item): count for item, count in outcomes.items()}


def served(service: str, at: float, code: str) -> dict[str, Any]:
    return sample(NAME, at=at, value=at, service_name=service, code=code)


def called(n: int, at: float, code: str) -> dict[str, Any]:
    labels = {"service_name": f"shop{n}", "server_address": "stock.lan", "http_response_status_code": code}
    return sample(CLIENT, at=at, value=at, **labels)


def test_a_gauge_beyond_the_bound_is_mixed_with_no_other() -> None:
    samples = Samples(window_s=60, lateness_s=600, limits=Limits(series=1))
    answers = [
        sample("probe_dns_answer_rrs", at=at, value=count, instance=name, query_type=kind)
        for name, kind, count in (("a.lan", "A", 8.0), ("a.lan", "AAAA", 0.0), ("b.lan", "A", 4.0)) for at in (0, 30)
    ]  # fmt: skip
    samples.add(pa.Table.from_pylist(answers, SAMPLES), 1)
    assert samples.take_in(T0 + 31) == (0, 2, 2)
    assert told(samples, "dns_answers") == {("a.lan", "A"): 8, ("a.lan", "AAAA"): 0}


def test_items_that_only_folded_series_tell_of_are_bounded_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(series_module, "_MORE", 4)
    samples = Samples(window_s=60, lateness_s=600, limits=Limits(series=2))
    samples.add(pa.Table.from_pylist([called(n, at, "200") for at in (0, 10) for n in range(9)], SAMPLES), 1)
    assert samples.take_in(T0 + 11) == (0, 2 * 2, 5 * 2)  # an item of two concepts is two
    assert {item for _, item in told(samples, "client_outcomes")} == {f"shop{n}\t200" for n in range(4)}


def test_beyond_what_is_folded_samples_are_left_out_and_counted() -> None:
    samples = Samples(window_s=60, lateness_s=600, limits=Limits(series=1, folded_series=2))
    many = [sample(NAME, at=at, value=at, job="shop", path=f"/{n}") for at in (0, 30) for n in range(5)]
    samples.add(pa.Table.from_pylist(many, SAMPLES), 1)
    assert samples.take_in(T0 + 31) == (0, 4, 4)
    assert told(samples, "requests") == {("shop", ""): 90}


def test_of_many_samples_signals_are_the_same_made_of_some_components_at_a_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    every = [called(n, at, code) for n in range(5) for code in ("200", "503") for at in (0, 10, 70)]
    found: list[list[Any]] = []
    for at_once in (4_000_000, 3):
        monkeypatch.setattr(samples_module, "_AT_ONCE", at_once)
        samples = Samples(window_s=60, lateness_s=600, limits=Limits())
        samples.add(pa.concat_tables([pa.Table.from_pylist(every, SAMPLES), rows("abcdefg", 0, 10, 70)]), 1)
        samples.take_in(T0 + 71)
        found.append(samples.close(T0 + 120)[1].to_pylist())
    assert found[0] == found[1]
    assert len(found[0]) > 20


def test_texts_that_nobody_tells_any_more_are_forgotten() -> None:
    samples = Samples(window_s=60, lateness_s=60, limits=Limits())
    for turn in range(4):
        at = turn * 2000.0
        samples.add(rows([f"job{turn}-{n}" for n in range(50)] + ["stays"], at), turn + 1)
        samples.add(rows(["stays"], *(at + step for step in range(0, 2000, 500))), turn + 1)
        samples.take_in(T0 + at + 2000)
        samples.close(T0 + at + 1990)
    (chunk,) = samples.state["told"]["component"].chunks
    assert len(chunk.dictionary) <= 52


def test_series_that_are_silent_make_room() -> None:
    samples = Samples(window_s=60, lateness_s=60, limits=Limits(series=1, folded_series=1))
    samples.add(rows("ab", 0, 30), 1)
    assert samples.take_in(T0 + 31) == (0, 0, 2)
    samples.close(T0 + 2000)
    samples.add(rows("cd", 2000, 2010), 2)
    assert samples.take_in(T0 + 2011) == (0, 0, 2)
    assert told(samples, "requests", 2050) == {("c", ""): 10}


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
    assert samples.take_in(T0 + 1211) == (0, 0, 1)


def test_a_service_beyond_its_own_bound_takes_no_room_that_others_wait_for() -> None:
    samples = Samples(window_s=60, lateness_s=60, limits=Limits(series=3, service_series=1))
    crawler = [sample(NAME, at=at, value=at, service_name="crawler", path=path)
               for path in "xy" for at in range(0, 1250, 50)]  # fmt: skip
    samples.add(rows("ac", 0), 1)
    samples.add(pa.Table.from_pylist(crawler, SAMPLES), 2)
    samples.add(rows("z", *range(0, 1250, 50)), 3)
    samples.take_in(T0 + 1200)
    samples.close(T0 + 1200)  # a and c have been silent for 15 minutes
    samples.add(pa.Table.from_pylist(crawler[-2:], SAMPLES), 4)
    assert samples.take_in(T0 + 1211) == (0, 2, 0)
    samples.add(rows("z", 1210), 5)
    assert samples.take_in(T0 + 1211) == (0, 0, 0)


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


def test_who_loses_its_last_series_by_name_is_still_counted_by_those_that_go_on() -> None:
    """A pod that is rolled out anew; a stranger has waited for longer."""
    samples = Samples(window_s=60, lateness_s=60, limits=Limits(series=2))
    pods = [sample(NAME, at=at, value=at, job="shop", instance=pod)
            for pod, times in (("p0", (0, 10)), ("p1", range(0, 1250, 50))) for at in times]  # fmt: skip
    samples.add(pa.Table.from_pylist(pods[:1], SAMPLES), 1)
    samples.add(rows("z", *range(0, 1250, 50)), 1)
    samples.add(rows("q", *range(0, 1250, 50)), 2)
    samples.add(pa.Table.from_pylist(pods[1:], SAMPLES), 3)
    samples.take_in(T0 + 1200)
    samples.close(T0 + 1200)  # p0 has been silent for 15 minutes
    samples.add(rows("q", 1210), 4)
    samples.take_in(T0 + 1211)
    assert told(samples, "requests", 1250).keys() == {("shop", ""), ("z", "")}


def test_series_that_tell_nothing_take_no_name_from_others() -> None:
    samples = Samples(window_s=60, lateness_s=600, limits=Limits(series=2))
    name, kind = "traces_spanmetrics_calls_total", "SPAN_KIND_CLIENT"
    calls = [sample(name, at=at, value=at, service_name=f"s{n}", span_kind=kind)
             for n in range(5) for at in (0, 10)]  # fmt: skip
    samples.add(pa.Table.from_pylist(calls, SAMPLES), 1)
    samples.add(rows("a", 0, 10), 2)
    assert samples.take_in(T0 + 11) == (0, 0, 0)
    assert told(samples, "requests") == {("a", ""): 10}


def test_the_state_of_an_earlier_version_is_passed_over() -> None:
    samples = Samples(window_s=60, lateness_s=600, limits=Limits())
    samples.add(rows("a", 0, 10), 1)
    samples.take_in(T0 + 11)
    state = samples.state
    later = Samples(window_s=60, lateness_s=600, limits=Limits())
    later.restore({**state, "members": state["members"].drop_columns(["place"])})
    later.add(rows("a", 20, 30), 1)
    later.take_in(T0 + 31)
    assert told(later, "requests") == {("a", ""): 10}
