"""What broke first: the node that most of the unexplained failures at the onset lead back to."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import inf

from ..collector.model import DNS_ERRORS, Windows
from .base import ALIKE, HORIZON, MOSTLY, Evidence, Finding
from .behind import look_behind, taken_over
from .blame import blame
from .blamed import Blamed
from .codes import BY_SERVER, codes_about
from .cusum import ENOUGH, LEAST_RISE
from .dns_failures import VAGUE
from .dns_rcodes import dns_rcodes
from .edges import LEAST_REQUESTS
from .graph import Graph
from .grouping import LEADING
from .kinds import about, changes_of, dns_failure, failing_since, kind_of
from .probed_names import all_unanswered
from .queries import sql
from .releases import release_evidence
from .resolver import resolver
from .series import calls_over
from .slow import slow_below
from .suspects import RATHER, Suspect, overlaps
from .telemetry_silence import KIND as SILENCE
from .telemetry_silence import told_across
from .untold import look_ups_untold
from .way import LAG_S, owner_of

UNSEEN = 0.5
"""While most services send nothing, what is left to see is as likely an effect as a cause."""

UNTOLD = 0.5
"""Where counters alone say that calls were lost, and not how or after what time, its name is as likely as itself; and
where nobody ever called it before, who calls it now may as well have the wrong name."""


UNANSWERED = ("timeout", *VAGUE)
"""How look-ups fail where no answer is known to have come."""


@dataclass(frozen=True)
class _Begun:
    """What failed in the stretch (from, to; Unix seconds) in which something may have begun.

    dark: most services were silent in it, and no counter tells of their calls.
    """

    onset: float
    during: tuple[float, float]
    blamed: list[Blamed]
    dark: bool

    @property
    def failed(self) -> float:
        """Calls above the usual."""
        return sum(b.failed for b in self.blamed)


def suspects(windows: Windows, graph: Graph, findings: list[Finding], onset: float) -> list[Suspect]:
    """Rank what may have broken at `onset`, the likeliest first; at most ten.

    A stray failure before an outage may date it too early, and is then all that failed at its onset: where fewer calls
    than open an episode did, the start of a later finding counts, in the ten windows up to that in which as many of the
    users' requests had failed. Where there is none, so few are worth so much less.
    """
    begun = _begun(windows, graph, findings, onset)
    if 0 < begun.failed < ENOUGH:
        later = _in_earnest(windows, findings, onset)
        more = begun if later is None else _begun(windows, graph, findings, later)
        begun = more if more.failed >= ENOUGH else begun
    enough = min(1.0, begun.failed / ENOUGH)
    sure = enough * (UNSEEN if begun.dark else 1.0)
    total = sum(b.felt for b in begun.blamed)
    ranked = [blamed_suspect(windows, b, b.felt / total, findings, begun.during) for b in begun.blamed[:10]]
    ranked = [replace(s, certainty=sure * s.certainty) for s in ranked]
    names = any(b.how == "resolution" for b in begun.blamed)
    probed = all_unanswered(windows, begun.onset) if names else frozenset[str]()
    shared = resolver(windows, graph, begun.blamed, ranked, findings, begun.during, probed)
    if shared is None:
        behind = look_behind(windows, graph, ranked, findings, begun.onset)
    else:
        # probes see the names from outside, whoever is silent
        behind = taken_over(ranked, replace(shared, certainty=(enough if probed else sure) * shared.certainty))
    told = slow_below(windows, graph, behind, begun.blamed, findings, begun.during)
    dated = (replace(s, onset=begun.onset) for s in _divided(graph, told[:10]))
    return [_released(windows, suspect, findings, begun.during) for suspect in dated]


def _released(windows: Windows, suspect: Suspect, findings: list[Finding], during: tuple[float, float]) -> Suspect:
    """The suspect, with what says that it was released where nobody told of it."""
    if suspect.kind != "bad_release":
        return suspect
    made = changes_of(windows, ("deploy",), suspect, during[0])
    if made.empty:  # a stray failure may have dated the incident too early
        made = changes_of(windows, ("deploy",), suspect, failing_since(windows, suspect, findings, during))
    return replace(suspect, changes=(*suspect.changes, *release_evidence(made, windows.window_s)))


def _divided(graph: Graph, ranked: list[Suspect]) -> list[Suspect]:
    """The suspects, where several callees lose a like share of the calls to them, none of which depends on another and
    which nothing explains: that most calls go to one of them makes it no likelier, so they share the certainty."""
    lost = [s for s in ranked if s.how == "unreached" and s.failed >= ENOUGH]
    if not lost or ranked[0] is not lost[0]:
        return ranked
    top = ranked[0]
    alike = [s for s in lost if s is top or _as_lost(graph, top, s)]
    count = len({owner_of(s) for s in alike})
    return [replace(s, certainty=s.certainty / count) if s in alike else s for s in ranked]


def _as_lost(graph: Graph, one: Suspect, other: Suspect) -> bool:
    lesser, greater = sorted((one.rate, other.rate))
    linked = graph.path(one.component, other.component) or graph.path(other.component, one.component)
    return lesser >= ALIKE * greater and one.kind == other.kind and not linked


def _in_earnest(windows: Windows, findings: list[Finding], onset: float) -> float | None:
    """The start of the first finding in the ten windows up to that by which as many of the users' requests had failed
    since the onset, above the usual, as open an episode; None where there is none after the first ten. What is above
    the usual is added up while it is more than nothing, as a CUSUM is."""
    users = windows.edges.names["client"] == ""
    calls = calls_over(windows, users, ["window", "attempts", "errors"]).groupby("window").sum()
    before, since = calls[calls.index < onset].sum(), calls[calls.index >= onset]
    usual = before["errors"] / max(before["attempts"], 1)
    sums = (since["errors"] - usual * since["attempts"]).cumsum()
    above = sums - sums.cummin().clip(upper=0.0)
    enough = above.index[above >= ENOUGH]
    if enough.empty:
        return None
    horizon_s = HORIZON * windows.window_s
    first = max(onset + horizon_s, enough[0] - horizon_s)
    starts = (f.started_at for f in findings if f.kind not in LEADING)
    return min((start for start in starts if first <= start <= enough[0]), default=None)


def _begun(windows: Windows, graph: Graph, findings: list[Finding], onset: float) -> _Begun:
    during = (onset, min(onset + HORIZON * windows.window_s, float(windows.end)))
    # Who is not called while its callers fail sends nothing either: a silence of some windows hides nobody.
    lasting = MOSTLY * HORIZON * windows.window_s
    silences = [
        f for f in findings if f.kind == SILENCE and overlaps(f, during) and f.until(inf) > f.started_at + lasting
    ]
    seen = [f.started_at for f in silences if _seen_before(windows, graph, onset, f.started_at)]
    during = (onset, min([during[1], *seen]))
    failing = [f for f in findings if f.detector in ("dns_answers", "dns_lookups") and overlaps(f, during)]
    gone = {f.component: f.started_at for f in sorted(failing, key=lambda f: -f.started_at)}
    blamed = blame(windows, graph, (float(windows.start), onset), during, gone)
    return _Begun(onset, during, blamed, not seen and any(not told_across(windows, f) for f in silences))


def _seen_before(windows: Windows, graph: Graph, onset: float, silence: float) -> bool:
    """Whether enough calls had failed before all fell silent: how it began is then known better than what followed."""
    blamed = blame(windows, graph, (float(windows.start), onset), (onset, silence)) if silence > onset else []
    return sum(b.failed for b in blamed) >= LEAST_REQUESTS


def blamed_suspect(
    windows: Windows, b: Blamed, score: float, findings: list[Finding], during: tuple[float, float]
) -> Suspect:
    """A blamed node with what detectors saw of it."""
    inside = [f for f in findings if overlaps(f, during)]
    own = tuple(f for f in inside if f.component == b.component)
    failure = dns_failure(windows, b, findings, during)
    kind = kind_of(windows, b, failure, findings, during)
    wordless = b.how == "unreached" and b.failure == "other" and not b.unanswered_s and kind != "crash"
    untried = b.how in ("resolution", "unreached") and not b.attempts_before and _new(windows, b, during[0])
    certainty = score * (UNTOLD if wordless or untried else 1.0)
    if b.alone > MOSTLY:
        certainty = min(certainty, RATHER)
    return Suspect(
        component=b.component,
        service=b.service,
        kind=kind,
        score=score,
        certainty=certainty,
        failed=b.failed,
        failure=failure,
        evidence=_evidence(windows, b, failure, during),
        findings=own,
        how=b.how,
        rate=b.failed / max(b.attempts, 1.0),
        waited_s=b.unanswered_s,
        codes=codes_about(b.component, failure, inside) if b.how == "resolution" else _risen(windows, b, kind, during),
    )


def _risen(windows: Windows, b: Blamed, kind: str, during: tuple[float, float]) -> tuple[Finding, ...]:
    """Servers' bad answers that rose just as somebody failed its requests of whose look-ups nothing tells: of nobody
    else's are they known to be a part."""
    if (
        (b.how, kind) != ("answer", "unknown")
        or windows.concepts.keys().isdisjoint(BY_SERVER)
        or not look_ups_untold(windows, b.component, during)
    ):
        return ()
    codes = (f for f in dns_rcodes(windows) if f.facts["counted"] in BY_SERVER)
    return tuple(f for f in codes if during[0] - LAG_S <= f.started_at < during[1])


def _new(windows: Windows, b: Blamed, onset: float) -> bool:
    """Whether nobody called it, by any name, in data that go back far enough to tell."""
    long_known = float(windows.start) < onset - HORIZON * windows.window_s
    return long_known and calls_over(windows, about(windows, b.component), ["attempts"], end=onset).empty


def _elsewhere(windows: Windows, name: str, failure: str, during: tuple[float, float]) -> str:
    """Who goes on resolving a name that others cannot, as the end of a sentence; "" where nobody does.

    They may have its address from before; but where no resolver is known to have answered how it failed, it may as well
    be that the others do not reach theirs.
    """
    counts = ["attempts", *DNS_ERRORS]
    client = windows.edges.categories["client"]
    rows = calls_over(windows, windows.edges.names["peer"] == name, counts, *during, client=client)
    made = rows[rows["client"] != ""].groupby("client", observed=True)[counts].sum()
    failed = made[list(DNS_ERRORS)].sum(axis=1)
    well = (made["attempts"] >= LEAST_REQUESTS) & (failed < LEAST_RISE * made["attempts"])
    if not well.any() or well.all():
        return ""
    fine, others = (", ".join(sorted(made.index[rows].astype(str))) for rows in (well, failed > made["attempts"] / 2))
    calls, bad = made["attempts"][well].sum(), failed[well].sum()
    may = f": it may be the way of {others} to its resolver" if others and failure in UNANSWERED else ""
    return f"; of {calls:,.0f} calls of {fine} by the same name {bad:,.0f} did{may}"


def _evidence(windows: Windows, b: Blamed, failure: str, during: tuple[float, float]) -> Evidence:
    how = {
        "resolution": "failed because its name could not be resolved",
        "unreached": "were answered by nobody",
        "answer": "failed in it, beyond what its own callees explain",
    }[b.how]
    answers = b.component in windows.edges.services
    if b.how == "unreached" and b.failure == "server":  # somebody answered, who sends no spans
        how = "failed by the status of their answer"
    if b.how == "answer" and not answers:
        how = "failed alike, whoever answered in the end"
    column = "server" if b.how == "answer" and answers else "peer"
    shared = b.how == "resolution" and b.alone > MOSTLY
    elsewhere = _elsewhere(windows, b.component, failure, during) if shared else ""
    return Evidence(
        statement=f"{b.failed:,.0f} of {b.attempts:,.0f} calls to {b.component} {how}, "
        f"within {during[1] - during[0]:.0f} s of the onset{elsewhere}",
        query=sql("calls", "client, server, peer, attempts, answered, errors", during, **{column: b.component}),
        window=during,
        observed=b.failed + b.usual,
        expected=b.usual,
    )


def nobody(windows: Windows, group_start: float, component: str) -> Suspect:
    """The suspect of an incident in which nothing stands out: the place where users met it, blamed for nothing."""
    during = (group_start, min(group_start + HORIZON * windows.window_s, float(windows.end)))
    evidence = Evidence(
        statement="no component stands out: the failures lead nowhere that the data shows",
        query=sql("calls", "client, server, peer, attempts, answered, errors", during),
        window=during,
        observed=0.0,
        expected=0.0,
    )
    return Suspect(component, component, "unknown", 0.0, 0.0, 0.0, "", evidence, ())
