"""The write-ahead journal: what was acknowledged survives, and becomes parts of a recording."""

from .fold import fold, last_folded
from .frames import Damage, Record, read_segment
from .journal import Limits, Wal
from .retention import Kept, retain, retain_damaged
from .segments import segments

__all__ = [
    "Damage",
    "Kept",
    "Limits",
    "Record",
    "Wal",
    "fold",
    "last_folded",
    "read_segment",
    "retain",
    "retain_damaged",
    "segments",
]
