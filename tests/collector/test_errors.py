"""Errors as a user and another process meet them."""

from __future__ import annotations

import errno
import pickle
from collections.abc import Iterator

import pytest

from epicenter.collector.errors import (
    DiskFull,
    EpicenterError,
    JournalFailed,
    Refused,
    Unreachable,
    UnreadableInput,
    UnwritableOutput,
)

_MADE: dict[type[EpicenterError], EpicenterError] = {
    UnreadableInput: UnreadableInput("a.parquet", "is empty", line=3, column="SpanId"),
    UnwritableOutput: UnwritableOutput("out", "no space"),
    Refused: Refused("no", too_much=True, said="too many samples"),
    Unreachable: Unreachable("gone", said="bye"),
    JournalFailed: JournalFailed(errno.EIO, "a broken disk"),
    DiskFull: DiskFull(errno.ENOSPC, "no space"),
}
"""Those that take more than their text."""


def _below(kind: type[EpicenterError]) -> Iterator[type[EpicenterError]]:
    yield kind
    for one in kind.__subclasses__():
        yield from _below(one)


@pytest.mark.parametrize("kind", [*_below(EpicenterError)], ids=lambda kind: kind.__name__)
def test_an_error_of_a_worker_process_arrives_as_it_was_raised(kind: type[EpicenterError]) -> None:
    raised = _MADE.get(kind) or kind("one sentence")
    arrived = pickle.loads(pickle.dumps(raised))
    assert type(arrived) is kind
    assert (str(arrived), arrived.args, vars(arrived)) == (str(raised), raised.args, vars(raised))
