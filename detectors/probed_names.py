"""Names that probes all cease to resolve at once, and the calls that hang with their look-ups.

One name that a prober gets no addresses for may have lost its record, and the names of one zone their zone. Where those
of several zones all fail together, it is what they are all asked through, whatever few clients say of few of them: most
do not get further than the first call whose look-up hangs, and give up without a word of it.
"""

from __future__ import annotations

from collections.abc import Collection

from ..collector.model import Windows
from .base import HORIZON, Evidence
from .blamed import Blamed
from .dns_answers import dns_answers
from .graph import name_owners
from .queries import sql
from .series import concept
from .suspects import overlaps
from .telemetry_silence import TARGETS
from .unresolved import Unresolved
from .way import LAG_S


def all_unanswered(windows: Windows, onset: float) -> frozenset[str]:
    """The probed names, if probes of all that had addresses before get none from the onset on (Unix seconds).

    None where they are fewer than three, of a single zone, or some were answered that they have no addresses. Probes
    may be as far apart as other scrapes are, and fail one after the other where a cache knows some names longer. They
    count whoever calls the names, or nobody.
    """
    probed = concept(windows, "dns_answers")
    had = frozenset(probed.loc[(probed["window"] < onset) & (probed["value"] > 0), "component"].astype(str))
    if len(had) < TARGETS or len(set(map(_zone, had))) < 2:
        return frozenset()
    soon = (onset - LAG_S, onset + HORIZON * windows.window_s)
    ceased = [f for f in dns_answers(windows) if soon[0] <= f.started_at < soon[1]]
    failed = {f.component for f in ceased if f.facts["failure"] != "nodata" and overlaps(f, (onset, soon[1]))}
    return had if had <= failed else frozenset()


def unanswered_evidence(windows: Windows, names: Collection[str], onset: float) -> Evidence:
    """What probes of all these names saw from the onset on."""
    until = min(onset + HORIZON * windows.window_s, float(windows.end))
    zones = len(set(map(_zone, names)))
    return Evidence(
        statement=f"probes of all {len(names)} names, of {zones} zones, ceased to get addresses at once",
        query=sql("signals", "component, value", (onset, until), concept="dns_answers"),
        window=(onset, until),
        observed=0.0,
        expected=float(len(names)),
    )


def _zone(name: str) -> str:
    """The last two labels behind its first: what a registered domain has, and a cluster has in common for all names."""
    return ".".join(name.split(".")[1:][-2:])


def hung(windows: Windows, unresolved: Unresolved, blamed: Collection[Blamed]) -> list[Blamed]:
    """The callees by probed names whose callers' time ran out and who otherwise say that look-ups fail: what hangs in
    a look-up ends so where a client has one time-out for all that it does. Who says so of none lost its calls later.
    """
    owners, names = name_owners(windows), windows.edges.names
    asked = names[names["client"] != ""]
    out: list[Blamed] = []
    for b in blamed:
        if b.how == "unreached" and b.failure == "deadline":
            of = {b.component, *(name for name, owner in owners.items() if owner == b.component)}
            clients = set(asked.loc[asked["peer"].isin(of), "client"])
            out += [b] * bool(of & unresolved.probed and clients <= {*unresolved.callers})
    return out
