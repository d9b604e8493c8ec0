"""Export requests as they come over the network -> tables of the model, or one error for what will never be any."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Self

import msgspec
import pyarrow as pa
from google.protobuf.message import DecodeError

from ..columns import without_cycle_search
from ..errors import OversizedRequest, UnreadableRequest
from ..told import told_spans
from . import fast, protobuf
from .messages import Line, decoded
from .rows import Rows

Signal = Literal["traces", "metrics", "logs"]
SIGNALS: tuple[Signal, ...] = ("traces", "metrics", "logs")

_MAX_MEMBERS = 100
"""gzip streams in a row: each costs a copy of what follows it, and no exporter sends two."""


@dataclass(frozen=True)
class Export:
    """One export request: what it tells of, its body as it came but unpacked, and whether that is JSON or protobuf."""

    signal: Signal
    body: bytes
    json: bool = False

    @property
    def kind(self) -> int:
        """Signal and encoding as one small number, for the journal."""
        return 2 * SIGNALS.index(self.signal) + self.json

    @classmethod
    def of_kind(cls, kind: int, body: bytes) -> Self:
        """The request that `kind` and `body` were taken from; UnreadableRequest where there is no such kind."""
        if kind >= 2 * len(SIGNALS):
            raise UnreadableRequest(f"kind {kind} is no signal that this version knows")
        return cls(SIGNALS[kind // 2], body, json=bool(kind % 2))


@dataclass(frozen=True)
class Encoded:
    """Spans that are still as they came: so many in `body`, none of which will be refused."""

    body: bytes
    spans: int


@dataclass(frozen=True)
class Decoded:
    """What a request holds.

    tables: those of the model that have rows, by name; and DELTAS (totals.py), whose values are still to be added up.
    later: spans that are not decoded yet. rejected: spans, log records or data points that cannot be used. why: a
    sentence about the first of them.
    """

    tables: dict[str, pa.Table]
    rejected: int = 0
    why: str = ""
    later: Encoded | None = None


def checked(export: Export) -> Decoded:
    """Decode a request as far as its sender has to be told of it; UnreadableRequest where it is not what it says."""
    if export.signal == "traces" and not export.json:
        spans = fast.certain(export.body)
        if spans is not None:
            return Decoded({}, later=Encoded(export.body, spans)) if spans else Decoded({})
    return decode(export)


def decode(export: Export) -> Decoded:
    """Decode a request, message by message; UnreadableRequest where its body is not what it says it is."""
    rows = Rows()
    rejected: list[tuple[ValueError, int]] = []
    with without_cycle_search():
        rows.add(parse(export), lambda error, count: rejected.append((error, count)))
        tables = dict(rows.take(1))
    why = str(rejected[0][0]) if rejected else ""
    return Decoded(tables, sum(count for _, count in rejected), why)


def told_spans_of(encoded: Sequence[Encoded]) -> pa.Table:
    """The spans that were left for later, in their order, as TOLD_SPANS."""
    rows = fast.told_spans([one.body for one in encoded])
    if rows is not None:
        return rows
    alone = ((one, fast.told_spans([one.body])) for one in encoded)
    return pa.concat_tables(
        told_spans(decode(Export("traces", one.body)).tables["spans"]) if found is None else found
        for one, found in alone
    )


def parse(export: Export) -> Line:
    """The request's messages, and none but those of its signal; UnreadableRequest where its body is something else."""
    try:
        line = _from_json(export) if export.json else _from_protobuf(export)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, DecodeError) as error:
        encoding = "OTLP JSON" if export.json else "OTLP protobuf"
        raise UnreadableRequest(f"the body is no {encoding} of {export.signal} ({error})") from error
    return line


def _from_json(export: Export) -> Line:
    line = decoded(export.body)
    if export.signal == "traces":
        return Line(resource_spans=line.resource_spans)
    if export.signal == "logs":
        return Line(resource_logs=line.resource_logs)
    return Line(resource_metrics=line.resource_metrics)


def _from_protobuf(export: Export) -> Line:
    if export.signal == "traces":
        return Line(resource_spans=protobuf.traces(export.body))
    if export.signal == "logs":
        return Line(resource_logs=protobuf.logs(export.body))
    return Line(resource_metrics=protobuf.metrics(export.body))


def inflate(body: bytes, limit: int) -> bytes:
    """Unpack gzip, `limit` bytes at the most.

    Raises OversizedRequest as soon as there are more, UnreadableRequest where the body is no gzip or is cut off.
    """
    unpacked, rest = b"", body
    for _ in range(_MAX_MEMBERS):
        stream = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
        try:
            unpacked += stream.decompress(rest, limit - len(unpacked) + 1)
        except zlib.error as error:
            raise UnreadableRequest("the body is no gzip, though Content-Encoding says so") from error
        if len(unpacked) > limit:
            raise OversizedRequest(f"a request may have {limit:,} bytes when it is unpacked, and this one has more")
        if not stream.eof:
            raise UnreadableRequest("the body is gzip that is cut off")
        rest = stream.unused_data
        if not rest:
            return unpacked
    raise UnreadableRequest(f"the body is more than {_MAX_MEMBERS} gzip streams in a row")
