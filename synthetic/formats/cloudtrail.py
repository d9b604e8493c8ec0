"""Changes of DNS records as AWS CloudTrail logs them: Route 53's `ChangeResourceRecordSets`.

A name is an alias of a tree of records, one tree a plan: a writer creates the new tree and points the alias at it in
one batch, and deletes old trees later. The batch's comment carries the plan's generation. Shape of the events: the
example log in Route 53's developer guide, "Logging Amazon Route 53 API calls with AWS CloudTrail".
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
import numpy as np

from ..world.history import Change

FILE = "cloudtrail.json"

TTL_S = 5
"""What the DynamoDB endpoint's record had in October 2025; the worlds do not say of others."""

_ACCOUNT = "111122223333"
_ZONE = "Z0SYNTHETIC0EXAMPLE"
_ROLE = "record-writer"


def is_of_records(change: Change) -> bool:
    """Whether Route 53 would have logged it; what people did by hand counts where addresses came of it."""
    by_hand = change.kind == "manual" and change.answers is not None
    return by_hand or change.kind in ("record.upsert", "record.delete")


def cloudtrail(changes: Sequence[Change], *, seed: int) -> bytes:
    """The file's content: one JSON document with all events in order of time, an event a line."""
    changes = sorted(changes, key=lambda change: change.time)
    sizes: dict[str, int] = {}
    for change in changes:
        sizes[change.target] = max(sizes.get(change.target, 1), change.answers or 0)
    ids = np.random.default_rng([seed, 2])
    events = [msgspec.json.encode(_event(change, sizes[change.target], ids)) for change in changes]
    return b'{"Records":[\n' + b",\n".join(events) + b"\n]}\n"


def _event(change: Change, size: int, ids: np.random.Generator) -> dict[str, Any]:
    by_hand = change.kind == "manual"
    moment = datetime.fromtimestamp(int(change.time), UTC)
    batch = {"changes": _changes(change, size)} | ({"comment": comment} if (comment := _comment(change)) else {})
    event: dict[str, Any] = {
        "eventVersion": "1.09",
        "userIdentity": _person(change.actor) if by_hand else _program(change.actor),
        "eventTime": _iso(moment),
        "eventSource": "route53.amazonaws.com",
        "eventName": "ChangeResourceRecordSets",
        "awsRegion": "us-east-1",
        "sourceIPAddress": "203.0.113.7" if by_hand else "198.51.100.250",
        "userAgent": "AWS Internal" if by_hand else "aws-sdk-go-v2/1.32.0 os/linux lang/go",
        "requestParameters": {"hostedZoneId": _ZONE, "changeBatch": batch},
        "responseElements": None,
    }
    if change.outcome == "ok":
        said = f"{moment:%b} {moment.day}, {moment.year} {moment:%I:%M:%S %p}"
        info = {"id": f"/change/C{_uuid(ids).hex[:20].upper()}", "status": "PENDING", "submittedAt": said}
        event["responseElements"] = {"changeInfo": info}
    else:
        event |= {"errorCode": "InvalidChangeBatch", "errorMessage": change.outcome}
    event |= {
        "additionalEventData": {"Note": "Do not use to reconstruct hosted zone"},
        "requestID": str(_uuid(ids)),
        "eventID": str(_uuid(ids)),
        "readOnly": False,
        "eventType": "AwsApiCall",
        "apiVersion": "2013-04-01",
        "managementEvent": True,
        "recipientAccountId": _ACCOUNT,
        "eventCategory": "Management",
    }
    return event | ({"sessionCredentialFromConsole": "true"} if by_hand else {})


def _changes(change: Change, size: int) -> list[dict[str, Any]]:
    """The batch; `size` is the most addresses that the name ever had, which a rejected batch would have written."""
    name = change.target
    tree = name if change.generation is None else f"plan-{change.generation}.{name}"
    if change.kind == "record.delete":
        return [_change("DELETE", tree, _addresses(size))]
    count = size if change.outcome != "ok" or change.answers is None else change.answers
    batch = [_change("UPSERT", tree, _addresses(count))]
    if change.generation is not None:
        alias = {"hostedZoneId": _ZONE, "dNSName": f"{tree}.", "evaluateTargetHealth": False}
        batch.append(_change("UPSERT", name, {"aliasTarget": alias}))
    return batch


def _change(action: str, name: str, content: dict[str, Any]) -> dict[str, Any]:
    return {"action": action, "resourceRecordSet": {"name": f"{name}.", "type": "A", **content}}


def _addresses(count: int) -> dict[str, Any]:
    """Records with addresses from the block for documentation (RFC 5737)."""
    return {"tTL": TTL_S, "resourceRecords": [{"value": f"192.0.2.{1 + i % 254}"} for i in range(count)]}


def _comment(change: Change) -> str:
    generation = "" if change.generation is None else f"plan generation {change.generation}"
    return "; ".join(part for part in (change.detail, generation) if part)


def _program(actor: str) -> dict[str, Any]:
    return {
        "type": "AssumedRole",
        "principalId": f"AROAEXAMPLE:{actor}",
        "arn": f"arn:aws:sts::{_ACCOUNT}:assumed-role/{_ROLE}/{actor}",
        "accountId": _ACCOUNT,
        "sessionContext": {"sessionIssuer": {"type": "Role", "userName": _ROLE}},
    }


def _person(actor: str) -> dict[str, Any]:
    arn = f"arn:aws:iam::{_ACCOUNT}:user/{actor}"
    return {"type": "IAMUser", "principalId": "AIDAEXAMPLE", "arn": arn, "accountId": _ACCOUNT, "userName": actor}


def _uuid(ids: np.random.Generator) -> uuid.UUID:
    return uuid.UUID(bytes=ids.bytes(16), version=4)


def _iso(moment: datetime) -> str:
    """CloudTrail's times are whole seconds."""
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"
