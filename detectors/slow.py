"""Who is slow where somebody above gave up first: calls that come late fail those who wait, and not the callee.

A call of three seconds is none that failed, to who waits ten for it; who waits two for the caller sees that one run out
of time. So where calls to somebody run out of time, the time is followed down to whom it is lost at: extra time of a
service's own, and time that its callers wait for it beyond its spans (`shifts`).

Connections and threads that wait for a slow callee are missing for whatever else their service does, which then waits
for them far longer than the callee takes: such a queue is the callee's, if that alone would have filled it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from ..collector.model import Windows
from .analysis import Kind
from .base import ALIKE, MOSTLY, Evidence, Finding
from .behind import taken_over
from .blamed import Blamed
from .cusum import LEAST_RISE
from .demand import grown
from .edges import LEAST_REQUESTS
from .graph import Graph, asked, callees, closure, shared_names
from .kinds import about, changed
from .queries import sql
from .series import calls_over
from .shifts import Shift, shifts, told_by_callers
from .slow_release import DETECTOR as SLOW_RELEASE
from .suspects import Suspect, overlaps


def slow_below(
    windows: Windows,
    graph: Graph,
    ranked: list[Suspect],
    blamed: Sequence[Blamed],
    findings: list[Finding],
    during: tuple[float, float],
) -> list[Suspect]:
    """The same suspects, where the first only waits for somebody below it after that one.

    blamed: who they are. during: the stretch after the onset, in Unix seconds.
    """
    late = {b.component for b in blamed if b.failure == "deadline" and b.how != "resolution"}
    if not ranked or ranked[0].component not in late:
        return ranked
    top = ranked[0]
    below = closure(graph.callees, [top.component])
    was, now = _calls_of(windows, below, during)
    told = shifts(was, now, shared=shared_names(windows))
    lost = {shift.service: shift for shift in told if shift.service in below}
    worst = max(lost.values(), key=lambda shift: (_ms(shift), shift.service), default=None)
    if (filled := _filled_by(windows, top, lost, was, now, during)) is not None:
        return _given_to(windows, graph, ranked, late, filled, findings, during)
    if worst is None or worst.service in (top.component, top.service):
        return ranked
    own = max((_ms(lost[name]) for name in (top.component, top.service) if name in lost), default=0.0)
    least = max(sum(map(_ms, lost.values())), _longer_ms(was, now, top.service), _in_vain_ms(windows, top, during))
    least = max(MOSTLY * least, LEAST_RISE * sum(shift.usual for shift in lost.values()))
    if own > ALIKE * _ms(worst) or _ms(worst) <= least:
        return ranked
    return _given_to(windows, graph, ranked, late, worst, findings, during)


def _given_to(
    windows: Windows,
    graph: Graph,
    ranked: list[Suspect],
    late: Collection[str],
    worst: Shift,
    findings: list[Finding],
    during: tuple[float, float],
) -> list[Suspect]:
    """The suspects, with who is slow in the place of all that wait for it."""
    top = ranked[0]
    waiting = [s for s in ranked if s.component in late and (s is top or graph.path(s.component, worst.service))]
    share = sum(s.score for s in waiting)
    found = replace(
        slow_suspect(windows, worst, findings, during),
        score=share,
        certainty=sum(s.certainty for s in waiting),
        failed=sum(s.failed for s in waiting),
        how="answer",
        explains=tuple(s.component for s in waiting if s.component != worst.service),
    )
    return taken_over(ranked, replace(found, kind=_kind(windows, found, during)))


def _calls_of(windows: Windows, below: set[str], during: tuple[float, float]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The calls to and by these, of all the time before and of the stretch."""
    names = windows.edges.names
    about_them = names["client"].isin(below) | names["server"].isin(below) | pd.Series(callees(windows)).isin(below)
    rows = about_them.to_numpy(np.bool_)[windows.edges.of]
    theirs = replace(windows, calls=windows.calls[rows]).with_edges(windows.edges.picked(rows))
    calls = told_by_callers(theirs)
    inside = (calls["window"] >= during[0]) & (calls["window"] < during[1])
    return calls[calls["window"] < during[0]], calls[inside]


def _filled_by(
    windows: Windows,
    top: Suspect,
    lost: Mapping[str, Shift],
    was: pd.DataFrame,
    now: pd.DataFrame,
    during: tuple[float, float],
) -> Shift | None:
    """Whose slow work filled the queue in which requests wait at the suspect, if somebody's did.

    Most time is lost in what waits there before the suspect sends it. Of its own work somebody below takes twice as
    long or more, in most windows and not just once the queue is let go, so that each request to the suspect would last
    half as long again or more without any queue, and is not asked for more; and nobody changed the suspect, which may
    ask for what takes longer.
    """
    names = {top.component, top.service}
    if sum(lost[name].waiting for name in names if name in lost) <= MOSTLY * sum(map(_ms, lost.values())):
        return None
    usual = _usual_ms(was, now, top.service)
    below = [shift for name, shift in lost.items() if name not in names]
    worst = max(below, key=lambda shift: (shift.own, shift.service), default=None)
    if not usual or worst is None or worst.own < max(worst.usual, MOSTLY * usual):
        return None
    if not _mostly_slow(was[was["server"] == worst.service], now[now["server"] == worst.service]):
        return None
    grew = grown(windows, about(windows, worst.service), during, during[0])
    return None if grew or changed(windows, ("deploy", "restart"), top, during[0]) else worst


def _mostly_slow(was: pd.DataFrame, now: pd.DataFrame) -> bool:
    """Whether calls to one service, enough to tell, take twice as long as usual in most of the windows of the stretch
    that have any."""
    by_window = now.groupby("window")[["server_ns", "attempts"]].sum()
    slow = by_window["server_ns"] * was["attempts"].sum() >= 2 * by_window["attempts"] * was["server_ns"].sum()
    return bool(now["attempts"].sum() >= LEAST_REQUESTS and slow.mean() > MOSTLY)


def _usual_ms(was: pd.DataFrame, now: pd.DataFrame, service: str) -> float:
    """How long as many requests to it as there are now used to take, its calls included."""
    before, since = (calls.loc[calls["server"] == service, ["server_ns", "attempts"]].sum() for calls in (was, now))
    return float(before["server_ns"] * since["attempts"] / max(before["attempts"], 1)) / 1e6


def _longer_ms(was: pd.DataFrame, now: pd.DataFrame, service: str) -> float:
    """How much longer all requests to it took than so many used to, its calls included."""
    if not was.loc[was["server"] == service, "attempts"].sum():
        return 0.0
    return float(now.loc[now["server"] == service, "server_ns"].sum()) / 1e6 - _usual_ms(was, now, service)


def _in_vain_ms(windows: Windows, top: Suspect, during: tuple[float, float]) -> float:
    """How much longer its callers waited for no answer of its own than they used to."""
    to = about(windows, top.component) & (windows.edges.names["server"] == "")
    waited = calls_over(windows, to, ["unanswered_ns"], *during).to_numpy().sum()
    usual = calls_over(windows, to, ["unanswered_ns"], end=during[0]).to_numpy().sum()
    return float(waited - usual * (during[1] - during[0]) / max(during[0] - windows.start, 1.0)) / 1e6


def _ms(shift: Shift) -> float:
    """What it takes longer; calls that vanished took none."""
    return shift.own + shift.waiting


def _kind(windows: Windows, found: Suspect, during: tuple[float, float]) -> Kind:
    if changed(windows, ("deploy",), found, during[0]):
        return "bad_release"
    return "overload" if grown(windows, about(windows, found.component), during, during[0]) else "slow"


def slow_suspect(windows: Windows, shift: Shift, findings: list[Finding], during: tuple[float, float]) -> Suspect:
    """Somebody who takes longer, as a suspect of no share yet; during: the stretch, in Unix seconds."""
    parts = {
        "in its own work": shift.own,
        "between its callers and it": shift.waiting,
        "in calls that are no longer made": shift.vanished,
    }
    where = max(parts, key=lambda part: parts[part])
    evidence = Evidence(
        statement=f"{shift.service} accounts for {shift.extra / 1000:.1f} s of changed time, mostly {where}, "
        f"within {during[1] - during[0]:.0f} s; {shift.usual / 1000:.1f} s are usual for as many calls",
        query=_calls_to(windows, shift.service, during),
        window=during,
        observed=shift.usual + shift.extra,
        expected=shift.usual,
    )
    own = tuple(f for f in findings if f.component == shift.service and overlaps(f, during))
    slow: Kind = "bad_release" if any(f.detector == SLOW_RELEASE for f in own) else "slow"
    return Suspect(
        component=shift.service,
        service=shift.service,
        kind="unknown" if shift.vanished > shift.own + shift.waiting else slow,
        score=0.0,
        certainty=0.0,
        failed=0.0,
        failure="",
        evidence=evidence,
        findings=own,
    )


def _calls_to(windows: Windows, service: str, during: tuple[float, float]) -> str:
    """The query for the calls to a service, by its name where it answers none of them with a span of its own."""
    if service in windows.edges.told["server"]:
        return sql("calls", "client, attempts, client_ns, server_ns, uncovered_ns", during, server=service)
    names = windows.edges.names["peer"][np.asarray(asked(windows) == service, np.bool_)]
    return sql("calls", "client, attempts, client_ns, unanswered_ns", during, peer=str(names.min()))
