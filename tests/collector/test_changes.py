"""Changes are told in log records, whatever file these come in."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from epicenter.collector.errors import UnreadableInput
from epicenter.collector.model import CHANGE_KINDS
from epicenter.collector.recording import RecordingWriter
from tests.collector.handed_over import T0, Json, attributes, logs_line, opened, read, rows

DELETION = {
    "change.target": "db.example",
    "change.actor": "writer-c",
    "change.generation": "110",
    "change.answers": "0",
    "change.outcome": "refused",
}
QUERY = "select Kind, Target, Actor, Generation, Answers, Outcome, Detail from changes"
ROW = ("record.delete", "db.example", "writer-c", 110, 0, "refused", "cleaned up")


def record(event: str, values: dict[str, str]) -> Json:
    body = {"stringValue": "cleaned up"}
    return {"timeUnixNano": str(T0), "eventName": event, "body": body, "attributes": attributes(values)}


def test_a_change_in_a_log_record_is_a_change_and_a_log(tmp_path: Path) -> None:
    line = logs_line(record("record.delete", DELETION))
    assert read(tmp_path, "logs.jsonl", line, QUERY) == [ROW]
    assert read(tmp_path, "logs.jsonl", line, "select EventName, Body from logs") == [("record.delete", "cleaned up")]


@pytest.mark.parametrize("kind", CHANGE_KINDS)
def test_every_kind_is_known_and_what_is_not_said_is_not_made_up(tmp_path: Path, kind: str) -> None:
    found = read(tmp_path, "logs.jsonl", logs_line(record(kind, {"change.target": "t"})), QUERY)
    assert found == [(kind, "t", "shop", None, None, "ok", "cleaned up")]


def test_the_older_event_name_attribute_counts_and_other_events_do_not(tmp_path: Path) -> None:
    older = record("", DELETION | {"event.name": "record.delete"})
    other = record("user.login", DELETION)
    assert read(tmp_path, "logs.jsonl", logs_line(older, other), QUERY) == [ROW]


@pytest.mark.parametrize("number", ["many", "1.5", str(2**63)])
def test_a_generation_that_is_no_number_is_said(tmp_path: Path, number: str) -> None:
    line = logs_line(record("record.delete", DELETION | {"change.generation": number}))
    with pytest.raises(UnreadableInput, match=r"line 1: .*change.generation"):
        read(tmp_path, "logs.jsonl", line, QUERY)


def exported_logs(path: Path, values: dict[str, str]) -> None:
    """An `otel_logs` export, as the Collector's ClickHouse exporter had it before there was EventName."""
    attributes_type = pa.map_(pa.string(), pa.string())
    table = pa.table(
        {
            "Timestamp": pa.array([T0], pa.timestamp("ns")),
            "Body": ["cleaned up"],
            "ServiceName": ["shop"],
            "LogAttributes": pa.array([list(values.items())], attributes_type),
        }
    )
    pq.write_table(table, path)


def test_an_export_of_logs_tells_of_changes_too(tmp_path: Path) -> None:
    exported_logs(tmp_path / "otel_logs.parquet", DELETION | {"event.name": "record.delete"})
    recording = opened(tmp_path / "s", tmp_path / "otel_logs.parquet")
    assert rows(recording, QUERY) == [ROW]
    assert rows(recording, "select count(*) from logs") == [(1,)]


def test_a_change_that_cannot_be_read_in_an_export_is_skipped_and_listed(tmp_path: Path) -> None:
    exported_logs(tmp_path / "logs.parquet", {"event.name": "deploy", "change.generation": json.dumps([1])})
    recording = opened(tmp_path / "s", tmp_path / "logs.parquet", skip_bad=True)
    assert rows(recording, "select (select count(*) from changes), (select count(*) from logs)") == [(0, 1)]
    assert ["change.generation '[1]' is not a whole number" in sentence for sentence in recording.skipped] == [True]


def test_a_recordings_own_changes_are_not_read_out_of_its_logs_again(tmp_path: Path) -> None:
    (tmp_path / "logs.jsonl").write_text(logs_line(record("record.delete", DELETION)))
    with (
        opened(tmp_path / "s", tmp_path / "logs.jsonl").connect() as connection,
        RecordingWriter(tmp_path / "r") as writer,
    ):
        for table in ("logs", "changes"):
            writer.write(table, connection.sql(f"from {table}").to_arrow_table())
    assert rows(opened(tmp_path / "s2", tmp_path / "r"), QUERY) == [ROW]


def test_a_change_that_two_files_tell_of_is_counted_once(tmp_path: Path) -> None:
    exported_logs(tmp_path / "otel_logs.parquet", DELETION | {"event.name": "record.delete"})
    (tmp_path / "logs.jsonl").write_text(logs_line(record("record.delete", DELETION)))
    recording = opened(tmp_path / "s", tmp_path / "otel_logs.parquet", tmp_path / "logs.jsonl")
    assert rows(recording, QUERY) == [ROW]
