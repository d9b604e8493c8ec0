"""What was changed in a world -> a table of `model.CHANGES`."""

from __future__ import annotations

from collections.abc import Iterable

import pyarrow as pa

from ...collector.model import CHANGES
from ..world.history import Change


def change_table(changes: Iterable[Change]) -> pa.Table:
    """The changes in order of time."""
    changes = sorted(changes, key=lambda change: change.time)
    columns = [
        pa.array([round(change.time * 1e9) for change in changes], pa.int64()).cast(pa.timestamp("ns")),
        *(
            pa.array([getattr(change, name.lower()) for change in changes], CHANGES.field(name).type)
            for name in CHANGES.names[1:]
        ),
    ]
    return pa.table(columns, schema=CHANGES)
