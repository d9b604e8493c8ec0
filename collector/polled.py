"""Samples that were fetched from a server, as a record of the journal: nobody sent a request that could be kept."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import pyarrow as pa

from .errors import UnreadableRequest
from .model import SAMPLES
from .otlp.decode import SIGNALS, Decoded, Export, Signal, checked

POLLED = 2 * len(SIGNALS)
"""The kind of such a record, after those of requests."""


@dataclass(frozen=True)
class Polled:
    """Rows of SAMPLES."""

    rows: pa.Table
    signal: Signal = "metrics"
    kind: int = POLLED

    @cached_property
    def body(self) -> bytes:
        """The rows as a stream of Arrow."""
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, SAMPLES, options=pa.ipc.IpcWriteOptions(compression="zstd")) as writer:
            writer.write_table(self.rows)
        return sink.getvalue().to_pybytes()

    @classmethod
    def of_body(cls, body: bytes) -> Polled:
        """What `body` was made of; UnreadableRequest where it is something else."""
        try:
            rows = pa.ipc.open_stream(body).read_all()
            rows.validate(full=True)
        except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
            raise UnreadableRequest(f"the record is no stream of Arrow ({error})") from error
        if not rows.schema.equals(SAMPLES):
            raise UnreadableRequest("the record is a table of Arrow, but not of samples")
        return cls(rows)


def held_by(kind: int, body: bytes) -> Decoded:
    """What a record of the journal holds; UnreadableRequest where there is no such kind or body."""
    if kind == POLLED:
        return Decoded({"samples": Polled.of_body(body).rows})
    return checked(Export.of_kind(kind, body))
