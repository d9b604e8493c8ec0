"""What was taken in and is not counted yet: how much that is, how much it may be, and when it is time to count."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import pyarrow as pa

from ..collector.otlp.decode import Encoded
from .facts import slimmed

MANY_ROWS = 50_000
"""So many are read at once, without waiting for the next look: more would take no less time each, and more memory."""
WORTH_COUNTING = 5 * MANY_ROWS
"""Of rows that are read a quarter of the memory is left, and of fewer a count is mostly planning its statements."""
MOST_WAITING = WORTH_COUNTING + 3 * MANY_ROWS
"""With so many rows that are not counted, senders wait too: more would take memory and only wait longer. Beside what is
read there is room for what 50,000 spans/s bring in 3 s, in which a look may hold up the reading. That it is MANY_ROWS
more than are worth counting, or more, is needed: so something is due at this bound, and nothing stands still there."""


class Record(NamedTuple):
    """What came in one record of the journal (0: in none); later: spans that are still encoded."""

    sequence: int
    tables: Mapping[str, pa.Table]
    later: Encoded | None

    @property
    def rows(self) -> int:
        """How many there are, decoded or not."""
        return rows_of(self.tables, self.later)


class Inbox:
    """Takes records in from any thread, and gives them out to one.

    unread_rows: of records that are still in it. read_rows: of those that have left it, and are not counted yet.
    """

    def __init__(self) -> None:
        self._records: deque[Record] = deque()
        self._guard = threading.Lock()
        self._reserved = 0
        self.unread_rows = self.read_rows = 0

    @property
    def uncounted(self) -> int:
        """Rows that were taken in and are not counted yet, wherever they are."""
        with self._guard:
            return self.unread_rows + self.read_rows

    @property
    def no_room(self) -> str:
        """Why there is none, for who is told to come again."""
        return f"{MOST_WAITING:,} rows wait to be counted, and more may not"

    @property
    def due(self) -> bool:
        """Whether so much has come, or was read, that the next look is not waited for to read or to count it."""
        return self.unread_rows >= MANY_ROWS or self.worth_counting

    @property
    def worth_counting(self) -> bool:
        """Whether so much was read that it is to be counted."""
        return self.read_rows >= WORTH_COUNTING

    def reserve(self, rows: int) -> bool:
        """Set room aside for rows that will be added; False where too many wait already.

        What waits exceeds MOST_WAITING by the last of these at the most: what is large must get in beside small ones.
        """
        with self._guard:
            free = self.unread_rows + self.read_rows + self._reserved < MOST_WAITING
            self._reserved += rows if free else 0
        return free

    def release(self, rows: int) -> None:
        """Give back the room of rows that have been added, or will not be."""
        with self._guard:
            self._reserved -= rows

    def add(self, record: Record) -> None:
        """Take a record in."""
        with self._guard:
            self._records.append(record)
            self.unread_rows += record.rows

    def put_first(self, others: Inbox) -> None:
        """Take over what is in another and what has left that uncounted, before all that is in this one."""
        with self._guard:
            self._records.extendleft(reversed(others._records))
            self.unread_rows += others.unread_rows
            self.read_rows += others.read_rows

    def some(self) -> Iterator[Record]:
        """Give out records with MANY_ROWS together, or all there are; each leaves once more is asked for."""
        given = 0
        while self._records and given < MANY_ROWS:
            record = self._records[0]
            yield record
            with self._guard:
                self._records.popleft()
                self.unread_rows -= record.rows
                self.read_rows += record.rows
            given += record.rows

    def counted(self) -> None:
        """All that has left is counted now."""
        with self._guard:
            self.read_rows = 0


def slim(sequence: int, tables: Mapping[str, pa.Table], later: Encoded | None) -> Record:
    """A record without resources: of all that waits to be counted they are a third, and little is read of them."""
    left = {name: slimmed(name, rows) for name, rows in tables.items()}
    return Record(sequence, left, later)


def rows_of(tables: Mapping[str, pa.Table], later: Encoded | None) -> int:
    """How many rows a request holds, decoded or not."""
    return sum(rows.num_rows for rows in tables.values()) + (0 if later is None else later.spans)
