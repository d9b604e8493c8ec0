"""The same truth in the telemetry that different estates have: the collector finds the same calls in each."""

from __future__ import annotations

import dataclasses
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from epicenter.collector.model import DNS_CLASSES
from epicenter.collector.recording import open_recording
from epicenter.collector.windows import observe
from epicenter.synthetic.telemetry.mix import DEFAULT, MIXES, Mix, drawn_mix, mix_of
from epicenter.synthetic.telemetry.record import record
from epicenter.synthetic.world.history import DIALECTS

from .toy_history import toy_history

SPANS_PER_SECOND = 4.0
DNS = [f"errors_dns_{name}" for name in DNS_CLASSES]


@cache
def calls(dialect: str, mix: Mix, folder: Path, failure: str = "dns_nodata") -> Any:
    """Calls by client and server over the whole recording."""
    name = "-".join((dialect, failure, str(abs(hash(mix)))))
    where = record(
        toy_history(dialect, failure=failure),
        folder / name,
        spans_per_second=SPANS_PER_SECOND,
        seed=5,
        mix=mix,
        scrape_s=600.0,
    )
    with open_recording([where], scratch=folder).connect() as connection:
        found = observe(connection).calls
    numbers = found.drop(columns=["window", "peer", "example_trace", "error_trace"])
    return numbers.groupby(["client", "server"]).sum()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("mixes")


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("name", [name for name in MIXES if name != "default"])
def test_the_collector_finds_the_same_calls_in_every_mix(dialect: str, name: str, folder: Path) -> None:
    default, found = calls(dialect, DEFAULT, folder), calls(dialect, MIXES[name], folder)
    assert list(found.index) == list(default.index)
    for count in ("attempts", "answered", "unanswered", "entries", "errors", "errors_server", "wasted"):
        pd.testing.assert_series_equal(found[count], default[count])
    assert found.originals.le(found.attempts).all()


@pytest.mark.parametrize("dialect", DIALECTS)
def test_the_dns_word_is_found_in_log_records_as_in_events(dialect: str, folder: Path) -> None:
    events, logs = (calls(dialect, Mix(exceptions=where), folder)[DNS] for where in ("events", "logs"))
    pd.testing.assert_frame_equal(logs, events)


def test_aiohttp_tells_an_empty_answer_in_its_exception_alone(folder: Path) -> None:
    """Its status message names the kind of error, and no more."""
    told, silent = (
        calls("python-aiohttp", Mix(exceptions=where), folder)[DNS].loc["checkout"].sum()
        for where in ("events", "none")
    )
    assert told.errors_dns_nodata > 100
    assert told.errors_dns_unspecified == 0
    assert silent.errors_dns_nodata == 0
    assert silent.errors_dns_unspecified == told.errors_dns_nodata


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("name", ["otel-new", "mesh"])
def test_refused_connections_are_told_from_failed_look_ups(dialect: str, name: str, folder: Path) -> None:
    found = calls(dialect, MIXES[name], folder, "refused").loc["checkout"].sum()
    assert found[DNS].sum() == 0
    if (dialect, name) != ("java-httpclient", "mesh"):  # it has no words but its exception's
        assert found.errors_connect > 100


def test_an_estate_without_a_callee_s_spans_sees_its_calls_unanswered(folder: Path) -> None:
    history = toy_history()
    silent = tuple(
        dataclasses.replace(service, instrumented=service.name != "dynamodb") for service in history.services
    )
    where = record(
        dataclasses.replace(history, services=silent), folder / "silent", spans_per_second=SPANS_PER_SECOND, seed=5
    )
    with open_recording([where], scratch=folder).connect() as connection:
        found = observe(connection).calls.query("client == 'checkout'")
    assert set(found.server) == {""}
    assert (found.attempts == found.unanswered).all()
    assert set(found.peer) == {"dynamodb.us-east-1.amazonaws.com"}


def test_drawn_mixes_differ_and_the_same_seed_draws_the_same() -> None:
    drawn = [drawn_mix(seed) for seed in range(60)]
    assert drawn == [drawn_mix(seed) for seed in range(60)]
    assert {mix.peers for mix in drawn} == {"server.address", "peer.service", "service.peer.name"}
    assert {mix.conventions for mix in drawn} == {"today", "old", "new"}
    assert {mix.exceptions for mix in drawn} == {"events", "logs", "none"}
    assert len({mix.metrics for mix in drawn}) > 20
    assert all(0.001 <= mix.skew_s <= 0.1 for mix in drawn)


def test_a_mix_that_is_none_is_refused_with_those_that_are() -> None:
    with pytest.raises(ValueError, match=r"no mix 'mash'; there are default, .*mesh"):
        mix_of("mash")


def test_log_records_of_a_mix_are_written_as_otlp_too(folder: Path) -> None:
    counts: list[int] = []
    for file_format in ("parquet", "otlp-json"):
        where = record(
            toy_history(),
            folder / f"logged-{file_format}",
            spans_per_second=SPANS_PER_SECOND,
            seed=5,
            mix=MIXES["otel-new"],
            scrape_s=600.0,
            file_format=file_format,
        )
        with open_recording([where], scratch=folder / "scratch").connect() as connection:
            counts += connection.execute("select count(*) from logs where EventName = 'exception'").fetchall()[0]
            told = observe(connection).calls[DNS].sum()
        assert told.errors_dns_nodata > 100
    assert counts[0] == counts[1] > 100
