"""How the attempts of one tick end, and which of them are tried again."""

from __future__ import annotations

import numpy as np

from .chances import Chances
from .graph import Indices
from .history import Floats
from .retries import FAST, LATE, UNANSWERED, UNCONNECTED


class Fates:
    """Of the attempts over each edge.

    share: [2, E] of the calls that are stuck, and free. stuck_by: [4, E] what the stuck are stuck at, as shares.
    late, erring: [E] of the free ones, those that time out, and those that the server answers with an error; failing:
    both.
    """

    def __init__(self, chances: Chances, server: Indices) -> None:
        stuck = chances.stuck
        self.share = np.stack([stuck, 1.0 - stuck])
        self.stuck_by = chances.stuck_by / np.maximum(stuck, 1e-300)
        self.late, self.erring = chances.late, (1.0 - chances.late) * chances.failing[server]
        self.failing = self.late + self.erring

    def again(self, at_once: Floats) -> Floats:
        """[2, K - 1, E] Of the stuck, and of the free calls in one try, those that are tried again within the tick.

        at_once: [K - 1, 4, E] whether a try that ended so is followed by another one within the tick.
        """
        by = self.stuck_by
        quick, unconnected, unanswered, late = at_once.transpose(1, 0, 2)
        stuck = (by[0] + by[1]) * quick + by[2] * unanswered + by[3] * unconnected
        return np.stack([stuck, self.erring * quick + self.late * late])

    def kinds(self) -> tuple[tuple[int, bool, Floats], ...]:
        """The kinds of failure by how long they take, whether the call was stuck, and their share of such attempts."""
        by = self.stuck_by
        return (
            (FAST, True, by[0] + by[1]),
            (UNANSWERED, True, by[2]),
            (UNCONNECTED, True, by[3]),
            (FAST, False, self.erring),
            (LATE, False, self.late),
        )

    def of(self, stuck: Floats, free: Floats) -> Floats:
        """[6, E] Attempts [E] by outcome: stuck at the four things, late, with an error."""
        return np.concatenate([self.stuck_by * stuck, [free * self.late, free * self.erring]])
