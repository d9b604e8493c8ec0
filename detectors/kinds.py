"""What kind of fault a blamed node has, told from how its calls end and from what was changed shortly before."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from ..collector.failures import LOOKUP_S
from ..collector.model import Windows
from .analysis import Kind
from .base import HORIZON, Finding
from .blamed import Blamed
from .codes import ROOT, possible, within_zone
from .cusum import ENOUGH
from .demand import grown
from .dns_failures import KINDS, VAGUE
from .graph import label_owner, name_owners
from .record_writes import Write
from .refused_first import WAITED_S
from .releases import came_up, lately
from .rewrites import just_written, probed_alike, shrunk, too_late
from .series import calls_over
from .slow_release import came_up_slow
from .suspects import Suspect, overlaps
from .telemetry_silence import KIND as SILENCE

RISING = 1.4
"""Pools that run out lose their connections one by one, so that ever more calls fail; what dies, dies at once. A pool
whose connections live a minute loses two thirds of them in the stretch looked at, its first third a quarter."""

MOST = 0.5
"""Where half of the calls of the first third fail already, it died at once and ran out of nothing."""

VANISHED = 0.5
"""Less than half of the usual share of calls is answered: more may be one of several replicas that is slow."""

AT_ONCE = 2
"""Windows before the onset in which the cause of refused connections lies: the first one may be too short to stand out,
and a resolver's cache keeps what it knows for a while."""


def dns_failure(windows: Windows, b: Blamed, findings: list[Finding], during: tuple[float, float]) -> str:
    """How the name failed that a node's calls went through: a DNS class, "stale", or "" where it did not.

    findings: of all components.
    """
    if b.how == "resolution":
        said = b.failure.removeprefix("dns_")
        return _told(said, b.component, findings, during) or _waited(said, b) if said in VAGUE else said
    # drained hosts that refuse do so after their clients' own repeats, too
    waited = b.how == "unreached" and b.failure in ("connect", "other") and b.unanswered_s >= WAITED_S
    growing = waited and _rising(windows, b, during) and not _as_probed(windows, b, during)
    if growing or (waited and rewritten(windows, b, during[0])):
        return "stale"
    # Many clients have one time-out for all that they do, and do not say that it ended before they were connected.
    late = b.how == "unreached" and b.failure == "deadline" and b.unanswered_s >= WAITED_S
    if not (b.refused or late):
        return ""
    if changed(windows, ("deploy", "restart"), b, failing_since(windows, b, findings, during)):
        return ""
    moved = _moved(windows, b, during[0])
    return "stale" if any(b.refused or _alone_vanished(windows, b, name, during) for name in moved) else ""


def failing_since(windows: Windows, b: Blamed | Suspect, findings: list[Finding], during: tuple[float, float]) -> float:
    """When calls to the node began to fail, in Unix seconds."""
    names = windows.edges.names
    own = {b.component, *names["server"][names["peer"] == b.component]}  # what they fail by its name shows on them
    seen = [f.started_at for f in findings if f.component in own and overlaps(f, during)]
    return began(windows, about(windows, b.component), ["errors"], min(seen, default=during[0]), during[0])


def began(windows: Windows, over: pd.Series[bool], errors: Sequence[str], seen: float, onset: float) -> float:
    """When calls over some edges began to fail so, in Unix seconds: as it was seen, if hardly any failed between the
    onset and that. Users may have met a stray failure of others before."""
    first = max(onset, seen)
    earlier = calls_over(windows, over, errors, onset, first)
    return first if earlier.to_numpy().sum() < ENOUGH else onset


def _told(said: str, name: str, findings: list[Finding], during: tuple[float, float]) -> str:
    """What others know where clients' words cannot tell: probes and counters of the name, then the codes of its zone or
    of any server, and last the record itself, whose deletion leaves no answer or no name, depending on the server."""
    seen = [f for f in findings if overlaps(f, during) and f.facts.get("failure") in possible(said)]
    own = [f for f in seen if f.component == name]
    codes = [f for f in seen if f.detector == "dns_rcodes"]
    zone = [f for f in codes if f.component != ROOT and within_zone(name, f.component)]
    for witnesses in ([f for f in own if f.detector != "record_race"], zone, codes, own):
        if witnesses:
            most = max(witnesses, key=lambda f: (float(f.facts.get("excess", 0.0)), f.component))
            return str(most.facts["failure"])
    return ""


def _waited(said: str, b: Blamed) -> str:
    """A resolver that answers does so at once, whatever it says; stub resolvers wait seconds for one that does not.
    REFUSED, which clients word like SERVFAIL and which is far rarer, is told as that. Where nobody measured how long
    callers waited, only their words are left."""
    if b.unanswered_s >= LOOKUP_S:
        return "timeout"
    return "servfail" if said == "temporary" and b.unanswered_s > 0 else said


def kind_of(windows: Windows, b: Blamed, failure: str, findings: list[Finding], during: tuple[float, float]) -> Kind:
    """The kind of the fault, in the words of the analysis; findings: of all components."""
    if failure:
        return KINDS[failure]
    first = failing_since(windows, b, findings, during)
    if changed(windows, ("deploy",), b, first):
        return "bad_release"
    soon = (during[0], during[0] + HORIZON * windows.window_s)
    if any(f.kind == SILENCE and overlaps(f, soon) for f in findings) and revived(windows, b, findings) is not None:
        # Counters that were read again tell of no word that was new in the gap, such as that of a refused connection.
        return "crash"
    if b.failure == "deadline":
        own = [f for f in findings if f.component == b.component and overlaps(f, during)]
        herd = any(f.kind == "restart_herd" for f in own)
        return "overload" if herd or grown(windows, about(windows, b.component), during, first) else "slow"
    if b.how == "unreached" and b.failure in ("connect", "other"):
        if b.refused:
            return "crash"
        # Without a word, and without time spent in waiting, nothing tells a lost packet from a name or a process.
        vanished = b.failure == "connect" or (b.answered < VANISHED * b.answered_before and b.unanswered_s >= WAITED_S)
        return "network_congestion" if vanished else "unknown"
    return "overload" if grown(windows, about(windows, b.component), during, first) else "unknown"


def revived(windows: Windows, b: Blamed | Suspect, findings: list[Finding]) -> float | None:
    """When somebody last started the node anew, if it failed until then and soon afterwards no more."""
    own = [f for f in findings if f.component == b.component]
    ends = [f.ended_at for f in own if f.ended_at is not None]
    if not ends or len(ends) < len(own):
        return None
    first, last = min(f.started_at for f in own), max(ends)
    times = windows.changes["time"][
        (windows.changes["Kind"] == "restart") & windows.changes["Target"].isin(names_of(windows, b))
    ]
    near = times[times.between(max(first, last - HORIZON * windows.window_s), last)]
    return float(near.max()) if len(near) else None


def changed(windows: Windows, kinds: tuple[str, ...], b: Blamed | Suspect, onset: float) -> bool:
    """Whether somebody changed the node, its name or its service shortly before it began to fail."""
    return not changes_of(windows, kinds, b, onset).empty


def changes_of(windows: Windows, kinds: tuple[str, ...], b: Blamed | Suspect, onset: float) -> pd.DataFrame:
    """The changes by which somebody did."""
    changes = windows.changes
    mine = changes["Kind"].isin(kinds) & changes["Target"].isin(names_of(windows, b))
    why = lately(windows, onset)
    if b.how == "answer":
        why |= came_up(windows, b.component, onset)
    if b.how in ("answer", "unreached"):
        why |= came_up_slow(windows, onset)
    return changes[mine & why]


def names_of(windows: Windows, b: Blamed | Suspect) -> set[str]:
    """A name stands for the service that its first label names (Kubernetes' DNS convention, and most private zones),
    unless it is known not to be that one's."""
    label = label_owner(b.component, windows.edges.services)
    theirs = label and name_owners(windows).get(b.component, label) != label
    return {b.component, b.service, "" if theirs else b.component.partition(".")[0]} - {""}


def rewritten(windows: Windows, b: Blamed | Suspect, onset: float) -> bool:
    """Whether a record of the node was written anew shortly before it began to fail."""
    return bool(_written(windows, b, onset, HORIZON))


def _written(windows: Windows, b: Blamed | Suspect, onset: float, before: int) -> list[Write]:
    """The writes of the node's records that may be why it began to fail, from so many windows before the onset on."""
    since, until = onset - before * windows.window_s, onset + windows.window_s
    names, about = _addressed(windows, b), _reaching(windows, b).to_numpy(np.bool_)
    made = just_written(windows, names | names_of(windows, b), since, until, HORIZON * windows.window_s)
    return [w for w in made if w.target in names and not too_late(windows, about, onset, w.time)]


def _addressed(windows: Windows, b: Blamed | Suspect) -> set[str]:
    """The names by which the node is called."""
    return set(windows.edges.names.loc[windows.edges.names["server"] == b.component, "peer"]) | {b.component}


def _moved(windows: Windows, b: Blamed, onset: float) -> list[str]:
    """The names of the node whose record was written anew just as it began to fail. Who dies is refused as well; a
    discovery service that notices takes an address away, so a record with fewer than before is no cause."""
    made = [w for w in _written(windows, b, onset, AT_ONCE) if not (w.deletes or w.by_hand or shrunk(windows, w))]
    return sorted({w.target for w in made})


def _alone_vanished(windows: Windows, b: Blamed, name: str, during: tuple[float, float]) -> bool:
    """Whether hardly a call through a name is answered that used to be, while the node answers through its others: what
    hangs answers through none. An answer is a server's span, which is seen of who is merely slow once it is done."""
    through = windows.edges.names["peer"] == name
    own = _answering(windows, through, during)
    rest = _answering(windows, about(windows, b.component) & ~through, during)
    return own is False and rest is True


def _answering(windows: Windows, about: pd.Series[bool], during: tuple[float, float]) -> bool | None:
    """Whether calls are answered as they used to be; None where none were made, or none answered before."""
    shares: list[float] = []
    for stretch in ((float(windows.start), during[0]), during):
        rows = calls_over(windows, about, ["attempts", "answered"], *stretch)
        made = float(rows["attempts"].sum())
        if not made:
            return None
        shares.append(float(rows["answered"].sum()) / made)
    return shares[1] >= VANISHED * shares[0] if shares[0] else None


def _rising(windows: Windows, b: Blamed, during: tuple[float, float]) -> bool:
    """Whether ever more of the calls fail to connect, third by third, while others go on as before."""
    counts = ["window", "server", "attempts", "errors_connect", "errors_other"]
    rows = calls_over(windows, about(windows, b.component), counts, *during)
    third = (during[1] - during[0]) / 3.0
    shares: list[float] = []
    for part in range(3):
        begin = during[0] + part * third
        inside = rows[(rows["window"] >= begin) & (rows["window"] < begin + third)]
        lost = inside["errors_connect"].sum() + inside.loc[inside["server"] == "", "errors_other"].sum()
        shares.append(float(lost) / max(float(inside["attempts"].sum()), 1.0))
    return shares[0] > 0 and shares[2] >= RISING * shares[0] and shares[0] < MOST


def about(windows: Windows, component: str) -> pd.Series[bool]:
    """[edges] Which are calls to the node."""
    names = windows.edges.names
    owners = name_owners(windows)
    named = names["peer"].isin([component, *(name for name, owner in owners.items() if owner == component)])
    return named | (names["server"] == component)


def _reaching(windows: Windows, b: Blamed | Suspect) -> pd.Series[bool]:
    """[edges] Which are calls that were meant for the node, by any of its names."""
    return about(windows, b.component) | windows.edges.names["peer"].isin(_addressed(windows, b))


def _as_probed(windows: Windows, b: Blamed, during: tuple[float, float]) -> bool:
    """Whether the names by which calls to the node were lost are all probed, and their records as ever."""
    rows = calls_over(
        windows, _reaching(windows, b), ["answered", "errors"], *during, peer=windows.edges.categories["peer"]
    )
    names = set(rows.loc[(rows["answered"] == 0) & (rows["errors"] > 0), "peer"].astype(str)) - {""}
    return probed_alike(windows, names, during)
