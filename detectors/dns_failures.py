"""Names whose resolution began to fail, by what their callers say.

All callers of a name are counted together, since a record is one thing however many services
use it. A name is held against its own history: the AAAA questions of an IPv4-only name and the
search domains of a resolver fail every day and stay silent here.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from ..collector.model import DNS_CLASSES, DNS_ERRORS, Windows
from .analysis import Kind
from .base import Evidence, Finding, stretch_of
from .cusum import ENOUGH, LEAST_RISE, Episode
from .episodes import alarm_time, episodes
from .past import past_of
from .queries import sql
from .runs import CONFIRM
from .series import Table, calls_over, pairs, tables, with_total

KINDS: dict[str, Kind] = {
    "nodata": "dns.empty_record",
    "nxdomain": "dns.nxdomain",
    "servfail": "dns.servfail",
    "refused": "dns.servfail",
    "timeout": "dns.resolver_down",
    "temporary": "dns.servfail",
    "unspecified": "dns.empty_record",
    "stale": "dns.stale_record",
}
"""Failure class -> kind of incident; REFUSED is a server's failure to answer, as SERVFAIL is (RFC 1035, 4.1.1).

Unspecified words of a client that resolve nothing mean an empty or missing record far more often than a broken
resolver, which most clients word as a temporary failure. That is the likeliest kind, for whoever has to route an alert,
and no more: the analysis says "unspecified" beside it (`Dns.failure`), and no sentence claims which.
"""

VAGUE = ("temporary", "unspecified")
"""What clients say that may stand for several failures; how long they waited, probes and codes tell which."""

AGAIN = ("servfail", "refused", "timeout")
"""What clients call a temporary failure: every fault of a server, and no answer that is one."""


def dns_failures(windows: Windows) -> list[Finding]:
    """Find names that began to fail in resolution, with the class of failure that rose most."""
    calls, edges = windows.calls, windows.edges
    peer, failed = edges.categories["peer"], [edges.total(calls[name]) for name in DNS_ERRORS]
    failing = with_total(peer, np.sum(failed, axis=0), ENOUGH)
    rows = calls_over(windows, failing, ["window", "attempts", "originals", *DNS_ERRORS], peer=peer)
    found: list[Finding] = []
    for part, table in enumerate(tables(windows, rows, ("peer",), ("attempts", "originals", *DNS_ERRORS))):
        failed = sum((table[name] for name in DNS_ERRORS), start=0 * table["attempts"])
        clustering = table["attempts"] / table["originals"].clip(1)
        past = past_of(windows, f"unresolved {part}", table.names("peer"))
        stood_out = episodes(failed, table["attempts"], clustering, past=past)
        found += [_finding(windows, table, episode) for episode in stood_out]
    return sorted(found, key=lambda f: (f.started_at, f.component))


def _finding(windows: Windows, table: Table, episode: Episode) -> Finding:
    name = table.names("peer")[episode.series]
    lasted = stretch_of(windows, episode.onset, episode.end)
    count = sum(float(table[c][episode.series, episode.onset : episode.end].sum()) for c in DNS_ERRORS)
    during = lasted.up_to(windows.end)
    edges = windows.edges
    columns = ["window", "error_trace", *DNS_ERRORS]
    inside = calls_over(windows, edges.names["peer"] == name, columns, *during, client=edges.categories["client"])
    inside = inside[inside[list(DNS_ERRORS)].sum(axis=1) > 0]
    edge = CONFIRM * windows.window_s
    amid = (inside["window"] >= during[0] + edge) & (inside["window"] < during[1] - edge)
    words = spoken(inside.assign(peer=name), amid)
    failure = most({name: float(words[f"errors_dns_{name}"].sum()) for name in DNS_CLASSES})
    callers = sorted(set(inside["client"]) - {""})
    said = f"{len(callers)} caller{'s' * (len(callers) != 1)}"
    evidence = Evidence(
        statement=f"{count:,.0f} calls to {name} failed in name resolution ({failure}), seen by {said}; "
        f"{episode.rate:.0%} of the calls against {episode.usual:.1%} before",
        query=sql("calls", f"client, attempts, {', '.join(DNS_ERRORS)}", during, peer=name),
        window=during,
        observed=episode.rate,
        expected=episode.usual,
        traces=tuple(sorted(set(inside["error_trace"]) - {""})[:3]),
    )
    return Finding(
        detector="dns_failures",
        kind=KINDS[failure],
        component=name,
        started_at=lasted.started_at,
        ended_at=lasted.ended_at,
        score=episode.rate,
        evidence=(evidence,),
        edges=tuple((str(caller), name) for caller in callers),
        facts={"failure": failure, "excess": episode.excess, "alarm_at": alarm_time(windows, episode)},
    )


def spoken(rows: pd.DataFrame, amid: pd.Series[bool] | None = None) -> pd.DataFrame:
    """The same rows of failed look-ups, by client and peer, where words that a caller has for hardly any of its own
    (`LEAST_RISE`, what fails of every name by itself) are what it says of the others.

    All callers of a name meet the same, and who can say what speaks for who cannot, however often that one tries again.
    But a few look-ups of many that ended otherwise as the trouble began or ended tell nothing of the rest, as those
    that a resolver still answered when it was stopped. What some threads or libraries of a caller say all along does.
    amid: the rows from between; where nobody knows when what was said, it may all have been at the edges.
    """
    _, each = pairs(*(pd.factorize(rows[end])[0] for end in ("client", "peer")))
    counts = {name: rows[name].to_numpy(np.float64) for name in DNS_ERRORS}
    between = np.zeros(len(rows), np.bool_) if amid is None else amid.to_numpy(np.bool_)
    faults = [f"errors_dns_{name}" for name in AGAIN]
    told = [name for name in DNS_ERRORS if name != "errors_dns_unspecified"]
    out = counts.copy()
    for words, vague in ((faults, "errors_dns_temporary"), (told, "errors_dns_unspecified")):
        spoke = np.sum([counts[name] for name in words], axis=0)
        said, steady, rest = (np.bincount(each, of)[each] for of in (spoke, spoke * between, counts[vague]))
        few = (said <= LEAST_RISE * (said + rest)) & (steady < ENOUGH)
        out[vague] = out[vague] + np.where(few, np.sum([out[name] for name in words], axis=0), 0.0)
        out |= {name: np.where(few, 0.0, out[name]) for name in words}
    return rows.assign(**out)


def most(counts: dict[str, float]) -> str:
    """The class with most failures; "unspecified", which may be any, gives way to all others, and "temporary" to the
    faults of a server, but not to a stray answer that it cannot stand for."""
    said = {name: count for name, count in counts.items() if count > 0 and name != "unspecified"}
    if not said:
        return "unspecified"
    largest = max(said, key=lambda name: said[name])
    faults = [name for name in AGAIN if name in said]
    return max(faults, key=lambda name: said[name]) if largest == "temporary" and faults else largest
