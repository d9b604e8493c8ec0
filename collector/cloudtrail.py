"""AWS CloudTrail's log of DNS changes -> CHANGES: one row for each name that a batch of record sets changed.

Read are events `ChangeResourceRecordSets` of Route 53, in a file with `{"Records": [...]}` as CloudTrail delivers it,
or one event a line; events of other kinds and services are passed over. Source of the shape: the example log in Route
53's developer guide, "Logging Amazon Route 53 API calls with AWS CloudTrail".
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pyarrow as pa

from .changes import Change
from .columns import Columns, checked_time
from .errors import UnreadableInput
from .lines import MAX_LINE_BYTES, Report, read_documents, refuse
from .model import CHANGES
from .recordsets import Batch, RecordChange, Records

_GENERATION = re.compile(r"\bgeneration\s*[#:=]?\s*(\d{1,18})\b", re.IGNORECASE)
"""A comment on a batch is free text; a plan's number is taken from it where it says so in this word."""


class _Message(msgspec.Struct, rename="camel", frozen=True):
    pass


class _ChangeBatch(_Message, frozen=True):
    changes: list[RecordChange]
    comment: str | None = None


class _Request(_Message, frozen=True):
    change_batch: _ChangeBatch
    hosted_zone_id: str = ""


class _Identity(_Message, frozen=True):
    type: str = ""
    arn: str = ""
    principal_id: str = ""
    user_name: str = ""
    invoked_by: str = ""


class _Event(_Message, frozen=True):
    event_time: str
    request_parameters: _Request | None = None
    user_identity: _Identity | None = None
    error_code: str | None = None
    error_message: str | None = None
    session_credential_from_console: str | bool | None = None


class _Which(_Message, frozen=True):
    event_source: str = ""
    event_name: str = ""


class _Line(msgspec.Struct, frozen=True):
    records: list[msgspec.Raw] | None = msgspec.field(name="Records", default=None)


def looks_like_cloudtrail(head: bytes) -> bool:
    """Whether a file that begins with these bytes is CloudTrail's: its events carry their format's version."""
    return b'"eventVersion"' in head and b'"eventSource"' in head


def convert_trail(
    path: Path, report: Report = refuse, *, max_line_bytes: int = MAX_LINE_BYTES
) -> Iterator[tuple[str, pa.Table]]:
    """Yield ("changes", rows), in order of time; what is no event, or cannot be used, is reported and passed over.

    How many addresses a name has after a batch is known from the batches before it in the same file; else it is null.
    """
    found: list[tuple[int, _Event, _Request]] = []
    for line, document in read_documents(path, report, max_bytes=max_line_bytes):
        for number, raw in _events(path, line, document, report):
            try:
                event = _change_event(raw)
                if event is not None:
                    found.append((_nanos(event[0].event_time), *event))
            except (msgspec.MsgspecError, UnicodeDecodeError, ValueError) as error:
                report(_not_cloudtrail(path, line, f"event {number}: {error}" if number else str(error)))
    columns, records = Columns(CHANGES), Records()
    for time, event, request in sorted(found, key=lambda entry: entry[0]):  # CloudTrail promises no order
        for change in _changes(event, request, records):
            columns.append((time, *change))
    if len(columns):
        yield "changes", columns.take()


def _events(path: Path, line: int, document: bytes, report: Report) -> Iterator[tuple[int, bytes | msgspec.Raw]]:
    """The events of one document with their numbers, from 1; number 0 where the document is one event."""
    try:
        records = msgspec.json.decode(document, type=_Line).records
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        report(_not_cloudtrail(path, line, str(error)))
        return
    if records is None:
        yield 0, document
    else:
        yield from enumerate(records, 1)


def _change_event(raw: bytes | msgspec.Raw) -> tuple[_Event, _Request] | None:
    """The event, if it is a change of record sets; one without a request was refused before it was read."""
    which = msgspec.json.decode(raw, type=_Which)
    if which.event_name != "ChangeResourceRecordSets" or not which.event_source.startswith("route53."):
        return None
    event = msgspec.json.decode(raw, type=_Event)
    return None if event.request_parameters is None else (event, event.request_parameters)


def _changes(event: _Event, request: _Request, records: Records) -> Iterator[Change]:
    comment = request.change_batch.comment or ""
    match = _GENERATION.search(comment)
    generation = int(match[1]) if match else None
    batch = Batch(request.change_batch.changes, generation)
    ok = event.error_code is None
    if ok:
        records.apply(batch)
    by_hand = str(event.session_credential_from_console).lower() == "true"
    for name, deleted in batch.names().items():
        kind = "manual" if by_hand else "record.delete" if deleted else "record.upsert"
        outcome = "ok" if ok else event.error_message or event.error_code or ""
        yield kind, name, _actor(event.user_identity), generation, records.answers(name), outcome, comment


def _actor(identity: _Identity | None) -> str:
    """Who it was: a user by name, a role by its session, an AWS service by its own."""
    if identity is None:
        return ""
    session = identity.arn.rpartition("/")[2] or identity.principal_id.rpartition(":")[2]
    return identity.invoked_by or (identity.user_name if identity.type == "IAMUser" else "") or session


def _nanos(text: str) -> int:
    moment = datetime.fromisoformat(text)
    seconds = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    return checked_time(round(seconds) * 10**9, "eventTime in nanoseconds")


def _not_cloudtrail(path: Path, line: int, why: str) -> UnreadableInput:
    return UnreadableInput(path, f"is not CloudTrail ({why})", line=line)
