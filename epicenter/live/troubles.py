"""Troubles that last are said once, and so is their end: a server that says them every second is not read."""

from __future__ import annotations

from collections.abc import Callable


class Troubles:
    """Remembers what was said last.

    say: takes a sentence. over: what is said when all is well again; "" for nothing.
    """

    def __init__(self, say: Callable[[str], None], over: str = "") -> None:
        self._say, self._over = say, over
        self._said: tuple[str, ...] = ()

    def tell(self, *troubles: str) -> None:
        """Say of the troubles that there are now those that are new; an empty one is none."""
        now = tuple(filter(None, troubles))
        for trouble in now:
            if trouble not in self._said:
                self._say(trouble)
        if self._said and not now and self._over:
            self._say(self._over)
        self._said = now
