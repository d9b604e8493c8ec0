"""What the live server took in, and what it left out."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Counts:
    """What was taken in, came too late (by signal), or was too much (by kind); and requests that cannot be decoded."""

    taken: dict[str, int] = field(default_factory=lambda: dict.fromkeys(("spans", "samples", "changes"), 0))
    late: dict[str, int] = field(default_factory=lambda: dict.fromkeys(("spans", "samples", "log_records"), 0))
    overflow: dict[str, int] = field(
        default_factory=lambda: dict.fromkeys(("service", "edge", "name", "metric", "left_out"), 0)
    )
    undecoded: int = 0
