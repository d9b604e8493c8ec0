"""What happens to names: zones that answer something else, resolvers in trouble; times as in `interventions`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from .history import Change
from .interventions import FOREVER, World
from .resolvers import ANSWERS, ELSEWHERE


@dataclass(frozen=True)
class Rewrite:
    """Names whose zone answers something else: nodata, nxdomain, servfail, timeout, or stale (hosts long drained)."""

    names: tuple[str, ...]
    answer: str
    at_s: float
    until_s: float
    actor: str = "dns-automation"
    mender: str = "operators"
    generation: int | None = None
    logged: bool = True

    def impose(self, world: World) -> None:
        """The authority answers otherwise."""
        for name in self.names:
            world.authority[name][world.conditions.during(self.at_s, self.until_s)] = ANSWERS[self.answer]

    def changes(self) -> Iterable[Change]:
        """The change of the record set, and its repair, where a change was what broke it."""
        if not self.logged:
            return
        kind = "record.delete" if self.answer in ("nodata", "nxdomain") else "record.upsert"
        newer = None if self.generation is None else self.generation + 35
        for name in self.names:
            answers = 0 if kind == "record.delete" else None
            yield Change(self.at_s, kind, name, self.actor, generation=self.generation, answers=answers)
            if self.until_s < FOREVER:
                yield Change(self.until_s, "record.upsert", name, self.mender, generation=newer, detail="restored")


@dataclass(frozen=True)
class ResolverTrouble:
    """A share of the resolvers answers servfail, or nothing in time, when asked for some names."""

    share: float
    answer: str
    at_s: float
    until_s: float
    names: tuple[str, ...]

    def impose(self, world: World) -> None:
        """The first resolvers fail, until their share is reached."""
        for name in self.names:
            troubled = world.resolvers.setdefault(name, np.zeros((world.conditions.ticks, world.resolver_count)))
            failing = max(1, round(self.share * world.resolver_count))
            troubled[world.conditions.during(self.at_s, self.until_s), :failing] = ANSWERS[self.answer]

    def changes(self) -> Iterable[Change]:
        """Nobody did it on purpose."""
        return ()


@dataclass(frozen=True)
class ResolverDown:
    """One resolver answers servfail, or nothing in time, whatever it is asked, until somebody starts it anew.

    resolver: its index. pod: what the change log calls it.
    """

    resolver: int
    answer: str
    at_s: float
    until_s: float
    pod: str

    def impose(self, world: World) -> None:
        """It fails every name, those of the rest of the world as well."""
        for name in (*world.authority, ELSEWHERE):
            troubled = world.resolvers.setdefault(name, np.zeros((world.conditions.ticks, world.resolver_count)))
            troubled[world.conditions.during(self.at_s, self.until_s), self.resolver] = ANSWERS[self.answer]

    def changes(self) -> Iterable[Change]:
        """Nobody broke it; who mends it says so."""
        if self.until_s < FOREVER:
            yield Change(self.until_s, "restart", self.pod, "operators", detail="resolver started anew")
