"""What kind of fault a blamed node has, told from how its calls end and from what was changed shortly before."""

from __future__ import annotations

from ..collector.model import Windows
from .analysis import Kind
from .base import Finding
from .blame import Blamed
from .dns_failures import KINDS
from .series import tally

HORIZON = 10
"""Windows after the onset that are asked who is to blame: enough calls to count, and early enough that
the first fault is still most of what there is to see. Nothing later can change the answer."""

WAITED_S = 0.3
"""A refused connection is answered within the round trip; a time-out of connecting is set to a second or more."""

GROWN = 1.5
"""Requests that have grown by half are more than a day's rhythm (as for a surge, see `edges`)."""

RISING = 1.4
"""Pools that run out lose their connections one by one, so that ever more calls fail; what dies, dies at once. A pool
whose connections live a minute loses two thirds of them in the stretch looked at, its first third a quarter."""

RECORD_KINDS = ("record.upsert", "record.delete", "manual")


def dns_failure(windows: Windows, b: Blamed, findings: tuple[Finding, ...], during: tuple[float, float]) -> str:
    """How the name failed that a node's calls went through: a DNS class, "stale", or "" where it did not."""
    if b.how == "resolution":
        said = b.failure.removeprefix("dns_")
        told = [str(f.facts["failure"]) for f in findings if f.facts.get("failure", "unspecified") != "unspecified"]
        return told[0] if said == "unspecified" and told else said
    timed_out = b.how == "unreached" and b.failure == "connect" and b.unanswered_s >= WAITED_S
    return "stale" if timed_out and (_rewritten(windows, b, during[0]) or _rising(windows, b, during)) else ""


def kind_of(windows: Windows, b: Blamed, failure: str, during: tuple[float, float]) -> Kind:
    """The kind of the fault, in the words of the analysis."""
    if failure:
        return KINDS[failure]
    if changed(windows, ("deploy",), b, during[0]):
        return "bad_release"
    if b.failure == "deadline":
        return "overload" if _grown(windows, b, during) else "slow"
    if b.how == "unreached" and b.failure in ("connect", "other"):
        if b.failure == "connect" and b.unanswered_s < WAITED_S:
            return "crash"
        return "network_congestion" if b.answered < 0.5 * b.answered_before or b.failure == "connect" else "unknown"
    return "overload" if _grown(windows, b, during) else "unknown"


def changed(windows: Windows, kinds: tuple[str, ...], b: Blamed, onset: float) -> bool:
    """Whether somebody changed the node, its name or its service shortly before it began to fail."""
    changes = windows.changes
    recent = (changes["time"] > onset - HORIZON * windows.window_s) & (changes["time"] <= onset + windows.window_s)
    # A name stands for the service that its first label names (Kubernetes' DNS convention, and most private zones).
    names = {b.component, b.service, b.component.partition(".")[0]} - {""}
    return bool((changes["Kind"].isin(kinds) & changes["Target"].isin(names) & recent).any())


def _rewritten(windows: Windows, b: Blamed, onset: float) -> bool:
    changes = windows.changes
    names = set(windows.calls.loc[windows.calls["server"] == b.component, "peer"]) | {b.component}
    recent = (changes["time"] > onset - HORIZON * windows.window_s) & (changes["time"] <= onset + windows.window_s)
    return bool((changes["Kind"].isin(RECORD_KINDS) & changes["Target"].isin(names) & recent).any())


def _rising(windows: Windows, b: Blamed, during: tuple[float, float]) -> bool:
    """Whether ever more of the calls fail to connect, third by third, while others go on as before."""
    calls = windows.calls
    mine = (
        (calls["peer"] == b.component)
        | (calls["server"] == b.component)
        | (calls["peer"].str.startswith(f"{b.component}."))
    )
    rows = calls[mine & (calls["window"] >= during[0]) & (calls["window"] < during[1])]
    third = (during[1] - during[0]) / 3.0
    shares: list[float] = []
    for part in range(3):
        begin = during[0] + part * third
        inside = rows[(rows["window"] >= begin) & (rows["window"] < begin + third)]
        shares.append(float(inside["errors_connect"].sum()) / max(float(inside["attempts"].sum()), 1.0))
    return shares[0] > 0 and shares[2] >= RISING * shares[0] and shares[0] < 0.5


def _grown(windows: Windows, b: Blamed, during: tuple[float, float]) -> bool:
    """Whether the node was asked for much more, repeats of one request not counted."""
    calls = windows.calls
    mine = calls[
        (calls["server"] == b.component)
        | (calls["peer"] == b.component)
        | (calls["peer"].str.startswith(f"{b.component}."))
    ]
    table = tally(windows, mine.assign(all=""), ("all",), ("originals",))
    if not len(table):
        return False
    first = int((during[0] - windows.start) // windows.window_s)
    last = int((during[1] - windows.start) // windows.window_s)
    asked = table["originals"][0]
    before = asked[:first]
    return bool(len(before) and asked[first:last].mean() >= GROWN * max(float(before.mean()), 1.0))
