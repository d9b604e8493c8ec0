"""How to see a piece of evidence again: SQL over the frames `calls`, `signals`, `changes` and `texts`."""

from __future__ import annotations


def sql(frame: str, columns: str, window: tuple[float, float], **where: str) -> str:
    """Select `columns` of one frame in a stretch of time, where text columns have the given values."""
    time = '"time"' if frame == "changes" else '"window"'
    conditions = [f"{time} >= {window[0]:.0f}", f"{time} < {window[1]:.0f}"]
    conditions += [f"{column} = '{_quoted(value)}'" for column, value in where.items()]
    return f"SELECT {time}, {columns} FROM {frame} WHERE {' AND '.join(conditions)} ORDER BY {time}"


def _quoted(value: str) -> str:
    return value.replace("'", "''")
