"""Segments become parts of a recording that `analyze` reads, once, wherever a kill falls, and parts go when told to."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

from epicenter.collector.errors import UsageError
from epicenter.collector.otlp.decode import Export
from epicenter.collector.wal import Kept, Wal, fold, last_folded, retain, segments
from epicenter.collector.wal.fold import parts_of
from epicenter.collector.writer import RecordingWriter
from tests.collector.handed_over import T0, opened, rows
from tests.collector.journals import TRACES, folded, one_span, orders

ROOT = Path(__file__).parents[2]
EVERYTHING = """select (select list(SpanId order by SpanId) from spans), (select count(*) from logs),
    (select list(Target) from changes), (select list(Value order by Timestamp) from samples)"""


def a_deploy(at: int) -> Export:
    request = ExportLogsServiceRequest()
    record = request.resource_logs.add().scope_logs.add().log_records.add(time_unix_nano=T0 + at, event_name="deploy")
    record.attributes.add(key="change.target").value.string_value = "shop"
    return Export("logs", request.SerializeToString())


def filled(folder: Path) -> None:
    """A journal of two segments and the empty one that is written."""
    with Wal(folder, clock=lambda: 0.0, report=print) as wal:
        for number, more in ((1, 5), (2, 7)):
            for export in (Export("traces", one_span(number)), a_deploy(number), orders(number, more)):
                wal.append(export.kind, export.body)
            wal.roll(force=True)


def test_all_signals_are_found_in_the_recording(tmp_path: Path) -> None:
    filled(tmp_path / "journal")
    recording = tmp_path / "recording"
    told: list[str] = []
    for path in segments(tmp_path / "journal")[:-1]:
        fold(path, recording, told.append)
    (found,) = rows(opened(tmp_path / "scratch", recording), EVERYTHING)
    assert found == ([f"{1:016x}", f"{2:016x}"], 2, ["shop", "shop"], [5.0, 12.0])
    assert (told, last_folded(recording), len(segments(tmp_path / "journal"))) == ([], 6, 1)
    assert not list(tmp_path.glob("*.folding"))


def test_a_kill_at_any_step_of_folding_neither_loses_nor_doubles_a_record(tmp_path: Path) -> None:
    filled(tmp_path / "journal")
    command = [sys.executable, "-m", "tests.collector.folds_killed", tmp_path]
    subprocess.run(command, cwd=ROOT, check=True, timeout=250)
    steps = sorted(tmp_path.glob("step-*"))
    assert len(steps) > 30  # or the kills fell nowhere
    for step in steps:
        assert content(step / "recording") == content(steps[-1] / "recording"), step.name
        assert len(segments(step / "journal")) == 1
        content(step / "as-killed")  # raises where a part is half
    (found,) = rows(opened(tmp_path / "scratch", steps[0] / "recording"), EVERYTHING)
    assert found == ([f"{1:016x}", f"{2:016x}"], 2, ["shop", "shop"], [5.0, 12.0])


def content(recording: Path) -> dict[str, list[dict[str, object]]]:
    return {path.name: pq.read_table(path).to_pylist() for path in parts_of(recording)}


def test_damage_in_a_segment_is_told_and_the_rest_is_folded(tmp_path: Path) -> None:
    with Wal(tmp_path / "journal", clock=lambda: 0.0, report=print) as wal:
        for number, name in ((1, "first"), (2, "second"), (3, "third")):
            wal.append(TRACES, one_span(number, name))
        wal.append(TRACES, b"no protobuf")
        (path,) = wal.roll(force=True)
    path.write_bytes(path.read_bytes().replace(b"second", b"SECOND"))
    told: list[str] = []
    fold(path, tmp_path / "recording", told.append)
    assert folded(tmp_path / "recording") == [1, 3]
    assert len(told) == 2
    assert told[0].endswith("are damaged; the records in them are lost")
    assert "record 4 is left out: the body is no OTLP protobuf of traces" in told[1]
    assert path.with_name(f"{path.name}.damaged").exists()
    assert not path.exists()


def test_a_finished_recording_is_not_added_to(tmp_path: Path) -> None:
    filled(tmp_path / "journal")
    with RecordingWriter(tmp_path / "recording"):
        pass
    with pytest.raises(UsageError, match="is a recording that is finished"):
        fold(segments(tmp_path / "journal")[0], tmp_path / "recording", print)
    assert len(segments(tmp_path / "journal")) == 3


def test_a_segment_without_records_becomes_no_part(tmp_path: Path) -> None:
    with Wal(tmp_path / "journal", clock=lambda: 0.0, report=print) as wal:
        wal.roll()
    fold(segments(tmp_path / "journal")[0], tmp_path / "recording", print)
    assert parts_of(tmp_path / "recording") == []


def aged(tmp_path: Path, ages: list[float]) -> Path:
    """A recording of one group of parts for each age in seconds, at time 10,000."""
    recording = tmp_path / "recording"
    with Wal(tmp_path / "journal", clock=lambda: 0.0, report=print) as wal:
        for number, age in enumerate(ages):
            before = set(parts_of(recording))
            for export in (Export("traces", one_span(number)), a_deploy(number)):
                wal.append(export.kind, export.body)
            (path,) = wal.roll(force=True)
            fold(path, recording, print)
            for part in set(parts_of(recording)) - before:
                os.utime(part, (10_000 - age, 10_000 - age))
    return recording


def test_old_parts_go_with_all_that_was_sent_with_them(tmp_path: Path) -> None:
    recording = aged(tmp_path, [500, 300, 100])
    removed = retain(recording, Kept(seconds=300), 10_000)
    assert sorted(path.name.split("-")[0] for path in removed) == ["changes", "logs", "spans"]
    assert folded(recording) == [1, 2]
    assert retain(recording, Kept(), 10**9) == []


def test_of_too_many_bytes_the_oldest_go(tmp_path: Path) -> None:
    recording = aged(tmp_path, [0, 0, 0])
    sizes = [path.stat().st_size for path in parts_of(recording)]
    retain(recording, Kept(bytes=sum(sizes)), 10_000)
    assert folded(recording) == [0, 1, 2]
    retain(recording, Kept(bytes=sum(sizes) - 1), 10_000)
    assert folded(recording) == [1, 2]
    retain(recording, Kept(bytes=0), 10_000)
    assert folded(recording) == []
    assert (recording / "manifest.json").exists()
