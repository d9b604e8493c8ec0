"""What a function says of windows, told once for each: several stages ask it, and windows do not change."""

from __future__ import annotations

from collections.abc import Callable
from functools import update_wrapper
from typing import Generic, TypeVar

from ..collector.model import Windows

Told = TypeVar("Told")


class Once(Generic[Told]):
    """A function of windows alone that keeps with the windows what it said of them; nobody may change that.

    Windows made of others (`dataclasses.replace`) know nothing of what was said of those.
    """

    def __init__(self, tell: Callable[[Windows], Told]) -> None:
        self._tell = tell
        self._key = f"{tell.__module__}.{tell.__qualname__}"
        update_wrapper(self, tell)

    def __call__(self, windows: Windows) -> Told:
        """What the function says of the windows."""
        known = vars(windows)
        if self._key not in known:
            known[self._key] = self._tell(windows)
        told: Told = known[self._key]
        return told

    def hand_on(self, said_of: Windows, windows: Windows) -> None:
        """Let what was said of some windows count for others, of which it is as true."""
        vars(windows)[self._key] = self(said_of)

    def known(self, windows: Windows, told: Told) -> None:
        """Tell what it would say, where that is known already."""
        vars(windows)[self._key] = told
