"""What was changed in a world -> a table of `model.CHANGES`."""

from __future__ import annotations

import pyarrow as pa

from ...collector.model import CHANGES
from ..world.history import History


def change_table(history: History) -> pa.Table:
    """All changes in order of time."""
    changes = sorted(history.changes, key=lambda change: change.time)
    columns = [
        pa.array([round(change.time * 1e9) for change in changes], pa.int64()).cast(pa.timestamp("ns")),
        *(
            pa.array([getattr(change, name.lower()) for change in changes], CHANGES.field(name).type)
            for name in CHANGES.names[1:]
        ),
    ]
    return pa.table(columns, schema=CHANGES)
