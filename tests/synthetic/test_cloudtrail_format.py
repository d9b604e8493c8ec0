"""Changes of records as CloudTrail tells them: the flagship's race is in them, and the collector finds it there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from epicenter.collector.recording import open_recording
from epicenter.synthetic import History
from epicenter.synthetic.formats.cloudtrail import cloudtrail, is_of_records
from epicenter.synthetic.telemetry.record import record
from epicenter.synthetic.world.history import Change

from .toy_history import toy_history

Row = tuple[Any, ...]


def read_back(folder: Path, scratch: Path) -> list[Row]:
    query = """select epoch_ns(Timestamp) // 1000000000, Target, Generation, Kind, Actor, Outcome, Answers from changes
        order by all"""
    with open_recording([folder], scratch=scratch).connect() as connection:
        return connection.execute(query).fetchall()


def told(change: Change) -> Row:
    return (int(change.time), change.target, change.generation, change.kind, change.actor, change.outcome)


def test_the_collector_reads_the_flagships_changes_out_of_it(flagship: History, tmp_path: Path) -> None:
    changes = [change for change in flagship.changes if is_of_records(change)]
    kinds = {(change.kind, change.outcome == "ok") for change in changes}
    assert kinds == {("record.upsert", True), ("record.upsert", False), ("record.delete", True), ("manual", True)}
    (tmp_path / "cloudtrail.json").write_bytes(cloudtrail(changes, seed=0))
    found = read_back(tmp_path / "cloudtrail.json", tmp_path)
    key = lambda row: (*row[:2], row[2] or 0, *row[3:6])  # noqa: E731
    assert sorted((row[:-1] for row in found), key=key) == sorted(map(told, changes), key=key)


def test_how_many_addresses_are_left_is_known_from_a_names_first_batch_on(flagship: History, tmp_path: Path) -> None:
    changes = [change for change in flagship.changes if is_of_records(change)]
    (tmp_path / "cloudtrail.json").write_bytes(cloudtrail(changes, seed=0))
    answers = {told(change): change.answers for change in changes}
    unknown = 0
    for *row, count in read_back(tmp_path / "cloudtrail.json", tmp_path):
        unknown += count is None
        assert count in (None, answers[tuple(row)])
    assert unknown < 20
    assert 0 in answers.values()


@pytest.mark.parametrize("name", ["parquet", "otlp-json", "openmetrics"])
def test_only_changes_of_records_move_and_none_is_told_twice(tmp_path: Path, name: str) -> None:
    folder = record(toy_history(), tmp_path / "r", spans_per_second=1.0, seed=5, file_format=name, changes="cloudtrail")
    events = json.loads((folder / "cloudtrail.json").read_text())["Records"]
    assert [(event["eventName"], event["eventTime"]) for event in events] == [
        ("ChangeResourceRecordSets", "2025-10-20T06:16:40Z")
    ]
    found = [(row[3], row[1], row[2]) for row in read_back(folder, tmp_path)]
    assert found == [("record.delete", "dynamodb.us-east-1.amazonaws.com", 110), ("restart", "checkout", None)]


def test_an_event_has_what_route_53_logs(flagship: History) -> None:
    changes = [change for change in flagship.changes if is_of_records(change)]
    events: list[dict[str, Any]] = json.loads(cloudtrail(changes, seed=0))["Records"]
    refused = [event for event in events if "errorCode" in event]
    assert len(refused) > 100
    assert {event["errorCode"] for event in refused} == {"InvalidChangeBatch"}
    assert all(event["responseElements"] is None for event in refused)
    assert len({event["eventID"] for event in events}) == len(events)
    for event in events:
        assert (event["eventSource"], event["eventType"]) == ("route53.amazonaws.com", "AwsApiCall")
        for change in event["requestParameters"]["changeBatch"]["changes"]:
            entry = change["resourceRecordSet"]
            assert ("aliasTarget" in entry) != ("resourceRecords" in entry)
    assert cloudtrail(changes, seed=0) == cloudtrail(list(reversed(changes)), seed=0)
