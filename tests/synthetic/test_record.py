"""A recording of a world: whole, readable, and the same bytes for the same seed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from epicenter.collector.recording import open_recording, summarize
from epicenter.synthetic.telemetry.mix import DEFAULT
from epicenter.synthetic.telemetry.record import record

from .toy_history import toy_history


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return record(toy_history(), tmp_path_factory.mktemp("toy") / "recording", spans_per_second=20.0, seed=5)


def test_the_same_seed_gives_the_same_bytes(recorded: Path, tmp_path: Path) -> None:
    again = record(toy_history(), tmp_path / "again", spans_per_second=20.0, seed=5)
    names = sorted(path.name for path in recorded.iterdir())
    assert names == sorted(path.name for path in again.iterdir())
    assert {"manifest.json", "truth.json"} < set(names)
    for name in names:
        assert (recorded / name).read_bytes() == (again / name).read_bytes()


def test_another_seed_gives_other_traces_of_the_same_world(recorded: Path, tmp_path: Path) -> None:
    other = record(toy_history(), tmp_path / "other", spans_per_second=20.0, seed=6)
    same = [path.name for path in recorded.iterdir() if path.read_bytes() == (other / path.name).read_bytes()]
    assert sorted(same) == ["changes-0000.parquet", "samples-0000.parquet", "truth.json"]


def test_the_collector_reads_all_of_it(recorded: Path, tmp_path: Path) -> None:
    with open_recording([recorded], scratch=tmp_path).connect() as connection:
        found = summarize(connection)
        kinds = connection.execute(
            "select Kind, Target, Generation, Answers from changes order by Timestamp"
        ).fetchall()
    assert found.spans == pytest.approx(20.0 * 2400, rel=0.05)
    assert found.samples > 10_000
    assert found.services == 4
    assert kinds == [
        ("record.delete", "dynamodb.us-east-1.amazonaws.com", 110, 0),
        ("restart", "checkout", None, None),
    ]


def test_the_truth_lies_beside_it(recorded: Path) -> None:
    truth = json.loads((recorded / "truth.json").read_text())
    assert truth["root_component"] == "dynamodb.us-east-1.amazonaws.com"
    assert truth["dns_failure"] == "nodata"
    assert truth["names"]["dynamodb"] == ["dynamodb.us-east-1.amazonaws.com"]
    assert (truth["scenario"], truth["metrics"]) == (toy_history().scenario, list(DEFAULT.metrics))


def test_progress_is_told_up_to_the_end(tmp_path: Path) -> None:
    told: list[float] = []
    record(toy_history(), tmp_path / "told", spans_per_second=300.0, seed=5, progress=told.append)
    assert told == sorted(told)
    assert len(told) >= 3
    assert told[-1] == 1.0
