"""Spans that are still encoded -> rows to count, many requests at once; one that fails holds up no other."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa

from ..collector.otlp.decode import Encoded, told_spans_of

LOG = logging.getLogger(__name__)

_AT_ONCE_BYTES = 8 * 2**20
"""Requests that are decoded together: enough that the columns of them are pieces of memory that are given back."""

_Numbered = tuple[int, Encoded]


class Undecoded:
    """Requests with the numbers of their records in the journal, until they are decoded.

    failed: requests that could not be, since the start.
    """

    def __init__(self, number: pa.Field) -> None:
        self._number = number
        self._waiting: deque[_Numbered] = deque()
        self.failed = 0

    def add(self, spans: Encoded, sequence: int) -> None:
        """Take spans that came in one record."""
        self._waiting.append((sequence, spans))

    def decode(self) -> Iterator[pa.Table]:
        """TOLD_SPANS and the number of each row's record; what was given is let go of when more is asked for.

        Where memory is wanting MemoryError is raised, and what was not given is given the next time. A request that
        fails otherwise would fail each time: it is told of and left out.
        """
        alone = 0
        while self._waiting:
            some = [self._waiting[0]] if alone else self._some()
            try:
                rows = self._rows(some)
            except MemoryError:
                raise
            except Exception:
                if len(some) > 1:
                    alone = len(some)
                    continue
                self.failed += 1
                LOG.exception("spans of record %d cannot be decoded, a bug of Epicenter's: left out", some[0][0])
            else:
                yield rows
            alone = max(0, alone - 1)
            for _ in some:
                self._waiting.popleft()

    def _some(self) -> list[_Numbered]:
        some, size = list[_Numbered](), 0
        for one in self._waiting:
            if size > _AT_ONCE_BYTES:
                break
            some.append(one)
            size += len(one[1].body)
        return some

    def _rows(self, some: Sequence[_Numbered]) -> pa.Table:
        numbers = np.repeat([number for number, _ in some], [one.spans for _, one in some])
        rows = told_spans_of([one for _, one in some])
        return rows.append_column(self._number, pa.array(numbers, pa.int64()))
