"""CloudTrail's log of what was done to DNS records becomes changes, as AWS writes it and as people keep it."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from epicenter.collector.errors import UnreadableInput
from tests.collector.handed_over import Json, opened, otlp_span, read, rows, traces_line

QUERY = """select epoch_ns(Timestamp) // 1000000000 - 1760940000, Kind, Target, Actor, Generation, Answers, Outcome
    from changes order by all"""
ROBOT = {
    "type": "AssumedRole",
    "principalId": "AROA:writer-a",
    "arn": "arn:aws:sts::111122223333:assumed-role/writers/writer-a",
}


def event(second: int, *changes: Json, comment: str | None = None, **more: Any) -> Any:
    batch = {"changes": list(changes)} | ({} if comment is None else {"comment": comment})
    return {
        "eventVersion": "1.09",
        "userIdentity": ROBOT,
        "eventTime": f"2025-10-20T06:{second // 60:02d}:{second % 60:02d}Z",
        "eventSource": "route53.amazonaws.com",
        "eventName": "ChangeResourceRecordSets",
        "requestParameters": {"hostedZoneId": "Z1", "changeBatch": batch},
        "responseElements": {"changeInfo": {"status": "PENDING"}},
    } | more


def records(action: str, name: str, count: int, kind: str = "A", **more: object) -> Json:
    values = [{"value": f"192.0.2.{i}"} for i in range(count)]
    entry = {"name": name, "type": kind, "tTL": 60, "resourceRecords": values}
    return {"action": action, "resourceRecordSet": entry | more}


def alias(action: str, name: str, target: str) -> Json:
    to = {"hostedZoneId": "Z1", "dNSName": target, "evaluateTargetHealth": False}
    return {"action": action, "resourceRecordSet": {"name": name, "type": "A", "aliasTarget": to}}


def trail(*events: Json) -> str:
    return json.dumps({"Records": events})


ROW = (0, "record.upsert", "db.example", "writer-a", None, 2, "ok")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("cloudtrail.json", trail(event(0, records("UPSERT", "DB.example.", 2)))),
        ("pretty.json", json.dumps({"Records": [event(0, records("CREATE", "db.example", 2))]}, indent=4)),
        ("events.jsonl", json.dumps(event(0, records("UPSERT", "db.example.", 2))) + "\n\n"),
        ("one.json", json.dumps(event(0, records("UPSERT", "db.example.", 2)), indent=1)),
        ("delivered.json.gz", gzip.compress(trail(event(0, records("UPSERT", "db.example.", 2))).encode())),
    ],
)
def test_it_is_read_in_every_shape_that_it_is_kept_in(tmp_path: Path, name: str, content: str | bytes) -> None:
    assert read(tmp_path, name, content, QUERY) == [ROW]


def test_a_version_that_is_deleted_while_its_name_points_at_it_leaves_no_addresses(tmp_path: Path) -> None:
    point = [records("CREATE", "plan-8.db.example.", 3), alias("UPSERT", "db.example.", "plan-8.db.example.")]
    content = trail(
        event(10, *point, comment="plan generation 8"),
        event(20, records("DELETE", "plan-7.db.example.", 3), comment="clean-up, generation: 7"),
        event(30, records("DELETE", "plan-8.db.example.", 3), comment="clean-up, generation: 8"),
        event(0, records("DELETE", "plan-5.db.example.", 3), comment="generation 5"),
    )
    assert read(tmp_path, "t.json", content, QUERY) == [
        (0, "record.delete", "db.example", "writer-a", 5, None, "ok"),
        (10, "record.upsert", "db.example", "writer-a", 8, 3, "ok"),
        (20, "record.delete", "db.example", "writer-a", 7, 3, "ok"),
        (30, "record.delete", "db.example", "writer-a", 8, 0, "ok"),
    ]


def test_a_rejected_batch_changes_nothing_and_says_why(tmp_path: Path) -> None:
    refused = {"errorCode": "InvalidChangeBatch", "errorMessage": "it already exists", "responseElements": None}
    content = trail(
        event(0, records("CREATE", "db.example.", 2)),
        event(1, records("DELETE", "db.example.", 2), **refused),
        event(2, records("CREATE", "db.example.", 5), errorCode="Throttling"),
    )
    assert [row[1:] for row in read(tmp_path, "t.json", content, QUERY)] == [
        ("record.upsert", "db.example", "writer-a", None, 2, "ok"),
        ("record.delete", "db.example", "writer-a", None, 2, "it already exists"),
        ("record.upsert", "db.example", "writer-a", None, 2, "Throttling"),
    ]


@pytest.mark.parametrize(
    ("identity", "actor"),
    [
        (ROBOT, "writer-a"),
        ({"type": "IAMUser", "userName": "smithj", "arn": "arn:aws:iam::1:user/team/smithj"}, "smithj"),
        ({"type": "AWSService", "invokedBy": "ecs.amazonaws.com"}, "ecs.amazonaws.com"),
        ({"type": "AssumedRole", "principalId": "AROA:ci"}, "ci"),
        ({"type": "Root", "arn": "arn:aws:iam::111122223333:root"}, "arn:aws:iam::111122223333:root"),
        (None, ""),
    ],
)  # fmt: skip
def test_who_it_was(tmp_path: Path, identity: object, actor: str) -> None:
    content = trail(event(0, records("UPSERT", "a.example", 1), userIdentity=identity))
    assert read(tmp_path, "t.json", content, "select Actor from changes") == [(actor,)]


def test_what_a_person_did_in_the_console_is_manual(tmp_path: Path) -> None:
    content = trail(event(0, records("DELETE", "a.example", 1), comment="oops", sessionCredentialFromConsole="true"))
    assert read(tmp_path, "t.json", content, "select Kind, Answers, Detail from changes") == [("manual", 0, "oops")]


@pytest.mark.parametrize(
    ("changes", "answers"),
    [
        ([records("UPSERT", "a.example", 1, "TXT")], None),  # says nothing of addresses
        ([alias("UPSERT", "a.example", "lb.other.example")], None),  # a name that nobody told of
        ([alias("UPSERT", "a.example", "a.example")], None),  # a loop
        ([records("UPSERT", "a.example", 2), records("UPSERT", "a.example", 3, "AAAA")], 5),
        ([records("DELETE", "a.example", 2, setIdentifier="blue", weight=1)], None),  # there may be a green one
        ([records("UPSERT", "a.example", n, setIdentifier=str(n), weight=1) for n in (1, 2)], 3),
        ([records("DELETE", "a.example", 2)], 0),
    ],
)
def test_how_many_addresses_are_left_is_said_only_where_it_is_known(
    tmp_path: Path, changes: list[Json], answers: int | None
) -> None:
    assert read(tmp_path, "t.json", trail(event(0, *changes)), "select Answers from changes") == [(answers,)]


def test_a_batch_of_many_names_is_a_change_of_each(tmp_path: Path) -> None:
    content = trail(event(0, records("DELETE", "a.example", 1), records("CREATE", "b.example", 1)))
    found = read(tmp_path, "t.json", content, "select Kind, Target from changes order by Target")
    assert found == [("record.delete", "a.example"), ("record.upsert", "b.example")]


def test_other_events_are_passed_over_and_what_is_left_is_used(tmp_path: Path) -> None:
    other = event(0, eventSource="s3.amazonaws.com", requestParameters={"bucketName": "x"})
    denied = event(1, errorCode="AccessDenied", requestParameters=None)
    listed = event(2, eventName="ListHostedZones", requestParameters={"maxItems": 1})
    content = trail(other, denied, listed, event(0, records("UPSERT", "db.example", 2)))
    assert read(tmp_path, "t.json", content, QUERY) == [ROW]


BAD = {
    "half a document": ('{"Records":[{"eventVersion":"1","eventSource":"x"', "line 1: is not CloudTrail (Input data"),
    "no list": ('{"Records":{"eventVersion":"1","eventSource":"x"}}', "Expected `array | null`, got `object`"),
    "no event": ('{"Records":[7, {"eventVersion":"1","eventSource":"x"}]}', "event 1: Expected `object`, got `int`"),
    "no time": (trail({**event(0, records("UPSERT", "a", 1)), "eventTime": "yesterday"}), "event 1: Invalid isoformat"),
    "a time of no use": (trail({**event(0), "eventTime": "1970-01-01T00:00:00Z"}), "event 1: eventTime in nano"),
    "a change of nothing": (trail(event(0, {"action": "UPSERT"})), "event 1: Object missing required field `resource"),
    "a line that is none": (f"{json.dumps(event(0))}\nrubbish", "line 2: is not CloudTrail (JSON is malformed"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_what_cannot_be_read_is_one_sentence_and_the_rest_is_used(tmp_path: Path, case: str) -> None:
    content, sentence = BAD[case]
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "bad.jsonl").write_text(content)
    (folder / "good.json").write_text(trail(event(0, records("UPSERT", "db.example", 2))))
    (folder / "traces.jsonl").write_text(traces_line(otlp_span()))
    with pytest.raises(UnreadableInput) as caught:
        opened(tmp_path / "s", folder)
    assert sentence in str(caught.value)
    assert str(caught.value).startswith(f"{folder / 'bad.jsonl'}, line ")
    recording = opened(tmp_path / "s2", folder, skip_bad=True)
    assert rows(recording, QUERY) == [ROW]
    assert len(recording.skipped) == 1


def test_one_bad_event_does_not_cost_the_others(tmp_path: Path) -> None:
    (tmp_path / "t.json").write_text(
        trail(event(0, {"action": "UPSERT"}), event(0, records("UPSERT", "db.example", 2)))
    )
    recording = opened(tmp_path / "s", tmp_path / "t.json", skip_bad=True)
    assert rows(recording, QUERY) == [ROW]
    assert ["event 1" in sentence for sentence in recording.skipped] == [True]
