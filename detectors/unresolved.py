"""Names that fail to be resolved together, at rates alike, and what their callers make of all other names."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from itertools import takewhile

import pandas as pd

from ..collector.model import DNS_ERRORS, Windows
from .base import ALIKE
from .blamed import LOST, Blamed
from .codes import ROOT, within_zone
from .cusum import ENOUGH, LEAST_RISE
from .dns_failures import AGAIN, VAGUE
from .edges import LEAST_REQUESTS
from .refused_first import WAITED_S
from .series import calls_over, components
from .suspects import Suspect
from .way import SPREAD

UNSAID = [f"errors_{name}" for name in LOST if name in ("connect", "other")]
"""Of calls that nobody answers, those that may have ended in a look-up, for all that their clients say."""


@dataclass(frozen=True)
class Unresolved:
    """The names that fail to be resolved, at rates alike.

    failure: how most of their look-ups fail. share: theirs of all failures. callers: whose calls of them fail.
    asked: by name, all calls of these callers in the stretch: attempts, unresolved, errors, lost after a look-up, and
    late: those that were answered were past it, of the others nobody says whether they ended in one.
    zones: those that resolvers count answers of. probed: names of which nobody is answered any more, by probes of all.
    """

    names: tuple[Blamed, ...]
    failure: str
    share: float
    callers: tuple[str, ...]
    asked: pd.DataFrame
    zones: frozenset[str]
    probed: frozenset[str] = frozenset()

    @property
    def named(self) -> list[str]:
        """The names, sorted."""
        return sorted(b.component for b in self.names)

    @property
    def owners(self) -> set[str]:
        """Whose those are that failed often enough to prove it; a name that nobody answered by is its own."""
        return {b.service or b.component for b in self.names if b.failed >= ENOUGH or b.component in self.probed} | (
            self.probed - {*self.named}
        )

    @property
    def failed(self) -> float:
        """Calls above the usual that ended with these names."""
        return sum(b.failed for b in self.names)

    @property
    def well(self) -> list[str]:
        """Other names that the same callers call often enough to know that they resolve; of a name that no probe gets
        addresses for any more, these callers still have them, or the connections."""
        known = {*self.named, *self.probed}
        often = self.asked[(self.asked["attempts"] >= LEAST_REQUESTS) & ~self.asked.index.isin(known)]
        rate = self.failed / max(sum(b.attempts for b in self.names), 1.0)
        return sorted(often.index[often["unresolved"] < ALIKE * rate * often["attempts"]].astype(str))

    @property
    def zone(self) -> str:
        """The zone of all names that fail and of none that the same callers resolve; "" where nothing shows one."""
        zones = {*self.zones, self._parent} - {ROOT, ""}
        holding = [zone for zone in zones if all(within_zone(name, zone) for name in self.named)]
        apart = [zone for zone in holding if not any(within_zone(name, zone) for name in self.well)]
        return max(apart, key=lambda zone: (len(zone), zone)) if self.well and len(self.names) > 1 and apart else ""

    @property
    def _parent(self) -> str:
        """What all names have in common, if their records may lie in it: they are directly below it, and they are one
        owner's. Deeper names may have zones of their own, as under a registry's suffix; and so may those of hosts that
        nobody of this estate answers by, where it is a single label."""
        labels = [name.split(".")[::-1] for name in self.named]
        common = [label for label, *_ in takewhile(lambda level: len(set(level)) == 1, zip(*labels, strict=False))]
        below = all(len(name) == len(common) + 1 for name in labels)
        owned = all(b.service for b in self.names) or len(common) > 1
        return ".".join(reversed(common)) if below and owned else ""


def unresolved_together(
    windows: Windows,
    blamed: list[Blamed],
    ranked: list[Suspect],
    during: tuple[float, float],
    probed: frozenset[str] = frozenset(),
) -> Unresolved | None:
    """The names of the blamed that fail alike, as they fail whose servers do not answer.

    None where no look-ups fail, few of them are those of names that fail alike, or servers answer. ranked: the first of
    the blamed. during: the stretch after the onset, in Unix seconds. probed: the names that probes all fail to resolve,
    at whatever rates their callers do.
    """
    failing = [b for b in blamed if b.how == "resolution"]
    failed = sum(b.failed for b in failing)
    rate = failed / max(sum(b.attempts for b in failing), 1.0)
    # A name of which few calls were seen at all proves nothing by itself, and goes with those that do.
    alike = tuple(b for b in failing if b.component in probed or b.failed >= ALIKE * rate * b.attempts)
    if all(b.failed < ENOUGH for b in alike) or sum(b.failed for b in alike) < SPREAD * failed:
        return None
    vague = all(s.failure in ("", *VAGUE) for s in ranked if s.how == "resolution")
    failure = _fault(alike, ranked) or (
        "unspecified" if vague and probed.issuperset(b.component for b in alike) else ""
    )
    if not failure:
        return None
    callers, asked = _asked(windows, [b.component for b in alike], during)
    share = sum(b.failed for b in alike) / sum(b.failed for b in blamed)
    zones = frozenset(components(windows, "dns_responses"))
    found = Unresolved(alike, failure, share, callers, asked, zones, probed)
    # One owner's names that fail so may be any trouble of theirs.
    return None if failure == "temporary" and len(found.owners) < 2 else found


def _fault(names: Collection[Blamed], ranked: list[Suspect]) -> str:
    """How servers fail these names; "" where most callers tell of an answer, if a bad one, or nothing tells of a fault.

    Callers of names that fail together mean the same thing, so who does not say which gives way to who does.
    """
    said: dict[str, float] = {}
    for b in names:
        word = b.failure.removeprefix("dns_")
        said[word] = said.get(word, 0.0) + b.failed
    told = sum(said.values()) - said.get("unspecified", 0.0)
    words = (*AGAIN, "temporary")
    faults = sum(said.get(word, 0.0) for word in words)
    known = {b.component for b in names}
    # Where nobody measured how long callers waited, nothing tells how a failure that is "temporary" came about.
    judged = {name: sum(s.failed for s in ranked if s.component in known and s.failure == name) for name in words}
    failure = max(AGAIN, key=lambda name: judged[name])
    failure = failure if judged[failure] > 0 else "temporary"
    return failure if faults >= SPREAD * told and judged[failure] > 0 else ""


def _asked(
    windows: Windows, names: Collection[str], during: tuple[float, float]
) -> tuple[tuple[str, ...], pd.DataFrame]:
    """Whose calls of these names fail, and all calls by name that those made in the stretch who call them.

    Those that failed at once and got no answer may have failed in a look-up, which not all clients say.
    """
    edges = windows.edges
    called = edges.names["client"] != ""
    callers = sorted(set(edges.names.loc[called & edges.names["peer"].isin(names), "client"]))
    theirs = edges.names["client"].isin(callers) & (edges.names["peer"] != "")
    counts = ["attempts", "errors", "errors_deadline", "unanswered", "unanswered_ns", *DNS_ERRORS, *UNSAID]
    rows = calls_over(
        windows,
        theirs,
        counts,
        *during,
        client=edges.categories["client"],
        peer=edges.categories["peer"],
        server=edges.categories["server"],
    )
    silent = rows["server"] == ""
    waited = silent & (rows["unanswered_ns"] >= WAITED_S * 1e9 * rows["unanswered"])
    told = rows[["attempts", "errors"]].assign(
        peer=rows["peer"].astype(str),
        unresolved=rows[list(DNS_ERRORS)].sum(axis=1),
        lost=rows[UNSAID].sum(axis=1).where(waited, 0),
        late=rows["errors_deadline"],
    )
    mine = told[told["peer"].isin(names)].groupby(rows["client"].astype(str))[["attempts", "unresolved"]].sum()
    failing = mine.index[mine["unresolved"] > LEAST_RISE * mine["attempts"]]
    return tuple(sorted(failing)), told.groupby("peer").sum()
