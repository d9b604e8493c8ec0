"""Services and edges whose share of failing calls rose above their own history.

A service is judged by what it answered; an edge by the attempts that got no answer at all
(refused, timed out, unreachable). Failures of name resolution belong to `dns_failures`.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from ..collector.model import DNS_ERRORS, Windows
from .base import Evidence, Finding, stretch_of
from .cusum import ENOUGH, Episode
from .episodes import alarm_time, episodes
from .graph import asked
from .past import past_of
from .queries import sql
from .series import Table, calls_over, tables, with_total

UNREACHED = ("errors_connect", "errors_deadline", "errors_other")
"""Classes of an attempt that nobody answered; a server's error cannot be among them."""


def failure_spikes(windows: Windows) -> list[Finding]:
    """Find services that began to answer with errors, and callees that their callers no longer reach."""
    found = [*_failing(windows), *_unreached(windows)]
    return sorted(found, key=lambda f: (f.started_at, f.component, f.kind))


def _failing(windows: Windows) -> list[Finding]:
    calls, edges = windows.calls, windows.edges
    server = edges.categories["server"]
    failing = with_total(server, edges.total(calls["errors"]), ENOUGH)
    rows = calls_over(windows, failing, ["window", "attempts", "originals", "errors"], server=server)
    found: list[Finding] = []
    for part, table in enumerate(tables(windows, rows, ("server",), ("attempts", "originals", "errors"))):
        # Retries of one request fail together; a request has failed when more attempts failed than were
        # made again.
        failed = (table["errors"] - (table["attempts"] - table["originals"])).clip(0)
        past = past_of(windows, f"failing {part}", table.names("server"))
        found += [_failing_service(windows, table, e) for e in episodes(failed, table["originals"], past=past)]
    return found


def _failing_service(windows: Windows, table: Table, episode: Episode) -> Finding:
    name = table.names("server")[episode.series]
    during = stretch_of(windows, episode.onset, episode.end).up_to(windows.end)
    edges = windows.edges
    columns = ["errors", "error_trace"]
    rows = calls_over(windows, edges.names["server"] == name, columns, *during, client=edges.categories["client"])
    statement = (
        f"{name} failed {episode.failed:,.0f} of {episode.tried:,.0f} requests that reached it: "
        f"{episode.rate:.0%} against {episode.usual:.1%} before"
    )
    query = sql("calls", "client, attempts, originals, errors", during, server=name)
    return _finding(windows, episode, "failure_spike", name, rows, statement, query)


def _unreached(windows: Windows) -> list[Finding]:
    rows = _lost(windows)
    found: list[Finding] = []
    for part, table in enumerate(tables(windows, rows, ("callee",), ("tried", "lost", "attempts", "originals"))):
        clustering = table["attempts"] / table["originals"].clip(1)
        past = past_of(windows, f"unreached {part}", table.names("callee"))
        stood_out = episodes(table["lost"], table["tried"], clustering, past=past)
        found += [_unreached_callee(windows, rows, table, episode) for episode in stood_out]
    return found


def _lost(windows: Windows) -> pd.DataFrame:
    """All calls to those whom any call did not reach."""
    calls, edges = windows.calls, windows.edges
    names, callee = edges.names, asked(windows)
    silent = (names["client"] != "") & (names["server"] == "")
    lost = sum((edges.total(calls[name]) for name in UNREACHED), start=np.zeros(len(edges)))
    missed = with_total(callee, np.where(silent, lost, 0.0), ENOUGH)
    columns = ["window", "attempts", "originals", "errors", *UNREACHED, *DNS_ERRORS, "error_trace"]
    ends = edges.categories
    rows = calls_over(
        windows,
        (names["client"] != "") & missed,
        columns,
        client=ends["client"],
        server=ends["server"],
        peer=ends["peer"],
        callee=callee,
    )
    # An attempt that failed in resolution says nothing about whether the callee can be reached.
    unresolved, missing = (sum(rows[name] for name in names) for names in (DNS_ERRORS, UNREACHED))
    return rows.assign(lost=missing * (rows["server"] == ""), tried=rows["attempts"] - unresolved)


def _unreached_callee(windows: Windows, rows: pd.DataFrame, table: Table, episode: Episode) -> Finding:
    name = table.names("callee")[episode.series]
    during = stretch_of(windows, episode.onset, episode.end).up_to(windows.end)
    rows = rows[(rows["callee"] == name) & (rows["window"] >= during[0]) & (rows["window"] < during[1])]
    rows = rows[rows["lost"] > 0]
    words = rows[list(UNREACHED)].sum()
    how = {"errors_connect": "refused or unreachable", "errors_deadline": "timed out", "errors_other": "failed"}
    statement = (
        f"{rows['lost'].sum():,.0f} calls to {name} got no answer (mostly {how[str(words.idxmax())]}): "
        f"{episode.rate:.0%} of the calls against {episode.usual:.1%} before"
    )
    peer = str(rows["peer"].mode().iloc[0]) if len(rows) else name
    query = sql("calls", "client, attempts, unanswered, errors_connect", during, peer=peer)
    return _finding(windows, episode, "unreachable", name, rows, statement, query)


def _finding(
    windows: Windows, episode: Episode, kind: str, name: str, rows: pd.DataFrame, statement: str, query: str
) -> Finding:
    lasted = stretch_of(windows, episode.onset, episode.end)
    clients = sorted(set(rows.loc[rows["errors"] > 0, "client"]) - {""})
    evidence = Evidence(
        statement=statement,
        query=query,
        window=lasted.up_to(windows.end),
        observed=episode.rate,
        expected=episode.usual,
        traces=tuple(sorted(set(rows["error_trace"]) - {""})[:3]),
    )
    return Finding(
        detector="failure_spikes",
        kind=kind,
        component=name,
        started_at=lasted.started_at,
        ended_at=lasted.ended_at,
        score=episode.rate,
        evidence=(evidence,),
        edges=tuple((str(client), name) for client in clients),
        facts={"excess": episode.excess, "alarm_at": alarm_time(windows, episode)},
    )
