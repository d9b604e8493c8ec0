"""What a format is: it takes a world's telemetry signal by signal and writes it into the files of a recording."""

from __future__ import annotations

from typing import Protocol

import pyarrow as pa

from ..world.history import History


class Format(Protocol):
    """Writes a world in the files of one format; tables and samples are handed over piece by piece.

    encoded: it takes spans whose texts are dictionary-encoded.
    """

    encoded: bool

    def changes(self, table: pa.Table) -> None:
        """Write rows of `model.CHANGES`."""
        ...

    def samples(self, history: History, every_s: float) -> None:
        """Write all metrics of the history, scraped each `every_s` seconds."""
        ...

    def spans(self, table: pa.Table) -> None:
        """Write rows of `model.SPANS`."""
        ...

    def logs(self, table: pa.Table) -> None:
        """Write rows of `model.LOGS`, written inside spans."""
        ...
