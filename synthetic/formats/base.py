"""What a format is: it takes a world's telemetry signal by signal and writes it into the files of a recording."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import pyarrow as pa

from ..world.history import History


class Format(Protocol):
    """Writes a world in the files of one format; tables and samples are handed over piece by piece."""

    def changes(self, table: pa.Table) -> None:
        """Write rows of `model.CHANGES`."""
        ...

    def samples(self, history: History, every_s: float, metrics: Sequence[str]) -> None:
        """Write the history's metrics in these dialects, scraped each `every_s` seconds."""
        ...

    def spans(self, table: pa.Table) -> None:
        """Write rows of `model.SPANS`; texts may be dictionary-encoded."""
        ...

    def logs(self, table: pa.Table) -> None:
        """Write rows of `model.LOGS`."""
        ...
