"""What a restart goes on from, beside the journal."""

from __future__ import annotations

import msgspec

from .packed import Pack


class State(msgspec.Struct):
    """The windows as they are, to go on from.

    `replay_from`: the first record of the journal to read again; `counted_to`: the last that is counted already.
    """

    window_s: int
    replay_from: int
    counted_to: int
    traces_until_ns: int
    samples_until_s: int
    windows: dict[str, dict[int, Pack]]
    tables: dict[str, bytes]
