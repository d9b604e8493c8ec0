"""What the data could not show, and what would settle it."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ..collector.model import Windows
from ..collector.signals import UNREAD
from .analysis import BlindSpot
from .base import Finding
from .codes import ANSWERS
from .cusum import ENOUGH, LEAST_RISE, WARM_UP_MOST
from .dns_failures import AGAIN
from .gate import entered
from .graph import Graph
from .metric_calls import from_metrics, of_spans, outcome
from .metric_times import mean_alone
from .metric_users import comparable
from .releases import read_off
from .series import components, concept
from .telemetry_silence import KIND as SILENCE
from .waits import users_waited

FEW = 3
"""Names that one sentence can hold."""

SINCE_EVER = "failed from the beginning of the data on"

MOST_NAMED = 10
"""Uninstrumented callees named one by one; more would bury the rest."""


def blind_spots(windows: Windows, graph: Graph, findings: list[Finding]) -> tuple[BlindSpot, ...]:
    """List what is missing from this recording, the widest gaps first."""
    return (
        *_missing_sources(windows),
        *_missing_columns(windows),
        *_incomparable(windows),
        *_unread(windows),
        *_blind_counters(windows),
        *_means(windows),
        *_herds(windows, findings),
        *_silences(windows, findings),
        *_failing_since_ever(windows),
        *_silent_resolvers(windows, findings),
        *_dark_callees(windows, graph),
    )


def _missing_sources(windows: Windows) -> list[BlindSpot]:
    spots: list[BlindSpot] = []
    if from_metrics(windows).all():
        known = "is unknown" if windows.calls.empty else "is known only of clients that count their calls by host"
        statement = f"No traces: who called whom {known}; spans would settle it."
        spots.append(BlindSpot(component="", statement=statement))
    if not windows.concepts.keys() - {UNREAD}:
        spots.append(
            BlindSpot(
                component="",
                statement="No metrics that we know: queues, leases, health checks and resolvers cannot be seen; "
                "Prometheus samples of them would settle it.",
            )
        )
    if read_off(windows.changes).all():
        known = "who changed what before the failure is unknown; record changes and deploys"
        if windows.versions:
            known = "of what was changed, only new versions of services are seen; other changes"
        statement = f"No change telemetry: {known} as log events would settle it."
        spots.append(BlindSpot(component="", statement=statement))
    return spots


def _missing_columns(windows: Windows) -> list[BlindSpot]:
    spans = ~from_metrics(windows)
    names = windows.edges.names[windows.edges.any(spans)]
    spots: list[BlindSpot] = []
    failed = (windows.calls["errors"].where(spans, 0) > 0).any()
    if len(names) and not failed and not _counted_well(windows, {*names["server"]}, {*names["client"]} - {""}):
        spots.append(
            BlindSpot(
                component="",
                statement="No span carries an error status: failed calls cannot be told from good ones; "
                "span status would settle it.",
            )
        )
    if len(names) and not (names["client"] != "").any():
        spots.append(
            BlindSpot(
                component="",
                statement="No span tells who called: failures cannot be followed to where they began; "
                "trace context that is handed on would settle it.",
            )
        )
    if len(names) and not (names["peer"] != "").any():
        spots.append(
            BlindSpot(
                component="",
                statement="No span names the host it addressed: names cannot be blamed; "
                "server.address on client spans would settle it.",
            )
        )
    return spots


def _counted_well(windows: Windows, services: set[str], callers: set[str]) -> bool:
    """Whether all of these callers count their calls by status, and no service counts a failure of any kind: spans then
    tell of none because there was none, since a library that knows statuses tells them to both."""
    said = concept(windows, "client_outcomes")
    told = {str(item) for item in said.loc[said["value"] > 0, "item"].unique()}
    said_by = [(client, outcome(word)) for client, _, word in (item.partition("\t") for item in told)]
    outcomes = [how for client, how in said_by if client in services | callers]
    knowing = {client for client, (answered, _) in said_by if answered}
    errors = concept(windows, "errors")
    failed = errors["component"].isin(services) & (errors["value"] > 0)
    return bool(callers) and callers <= knowing and not any(how for _, how in outcomes) and not failed.any()


def _unread(windows: Windows) -> list[BlindSpot]:
    """Counters that tell how something ended under names that no concept reads."""
    names = sorted(components(windows, UNREAD))
    if not names:
        return []
    statement = f"No concept reads {_some(names)}, which count by status: what failed there cannot be told; "
    settles = "the same under a name that is known would settle it."
    return [BlindSpot(component="", statement=statement + settles)]


def _incomparable(windows: Windows) -> list[BlindSpot]:
    """Services without spans beside spans that no counter is comparable with: how many requests spans stand for."""
    if from_metrics(windows).all() or comparable(of_spans(windows)):
        return []
    names = sorted(components(windows, "requests"))
    statement = f"No service sends both spans and counters: {_some(names)} are counted in full beside spans "
    settles = "of which none knows how many requests they stand for; counters of a service with spans would settle it."
    return [BlindSpot(component="", statement=statement + settles)]


def _blind_counters(windows: Windows) -> list[BlindSpot]:
    """What counters leave out where there are no spans: whose calls they miss, and why calls were lost."""
    counts = ["client", "server", "peer", "attempts", "errors", "errors_other"]
    rows = windows.calls.loc[from_metrics(windows), counts]
    tried = rows.groupby(rows["server"].where(rows["server"] != "", rows["peer"]))["attempts"].sum()
    failed = rows[rows["server"] != ""].groupby("server", sort=True)["errors"].sum()
    lost = rows[(rows["client"] != "") & (rows["server"] == "")].groupby("peer", sort=True)["errors_other"].sum()
    callers, served = windows.edges.clients, components(windows, "requests")
    mute = [str(s) for s in _often(failed, tried) if s in served and s not in callers]
    wordless = [str(name) for name in _often(lost, rows.groupby("peer")["attempts"].sum())]
    spots: list[BlindSpot] = []
    if mute:
        statement = f"No counter tells whom {_some(mute)} called: whether something below failed cannot be told; "
        settles = "client metrics with error.type, or spans, would settle it."
        spots.append(BlindSpot(component=mute[0] if len(mute) == 1 else "", statement=statement + settles))
    if wordless:
        statement = (
            f"No counter says why calls to {_some(wordless)} got no answer: a name, the network or the process; "
        )
        settles = "error.type on client metrics, a probe of the name, or spans would settle it."
        spots.append(BlindSpot(component=wordless[0] if len(wordless) == 1 else "", statement=statement + settles))
    return spots


def _means(windows: Windows) -> list[BlindSpot]:
    """Services whose users waited by nothing but the mean of their own counter."""
    if not from_metrics(windows).all():
        return []
    names = sorted({wait.component for wait in users_waited(windows) if mean_alone(windows, wait.component)})
    if not names:
        return []
    statement = (
        f"Only the mean of its own counter tells that {_some(names)} took longer: whether users waited, or asked "
    )
    settles = "more for what always takes long, cannot be told; metrics of its callers, or spans, would settle it."
    return [BlindSpot(component=names[0] if len(names) == 1 else "", statement=statement + settles)]


def _herds(windows: Windows, findings: list[Finding]) -> list[BlindSpot]:
    """Who was asked more than users ask for, where nothing but counters tells so, which know no repeats."""
    names = sorted({f.component for f in findings if f.kind == "restart_herd"})
    if not names or not from_metrics(windows).all():
        return []
    statement = (
        f"No counter knows repeats of one request: whether {_some(names)} met a herd that restarted, or retries, "
    )
    settles = "cannot be told; spans would settle it."
    return [BlindSpot(component=names[0] if len(names) == 1 else "", statement=statement + settles)]


def _silences(windows: Windows, findings: list[Finding]) -> list[BlindSpot]:
    """Stretches in which the telemetry itself was lost."""
    spots: list[BlindSpot] = []
    for finding in findings:
        if finding.kind != SILENCE:
            continue
        lasted = finding.until(windows.end) - finding.started_at
        statement = f"For {lasted:.0f} s {finding.evidence[0].statement}: what happened then cannot be told; "
        settles = "telemetry that does not need what it watches, such as probes from outside, would settle it."
        spots.append(BlindSpot(component="", statement=statement + settles))
    return spots


def _failing_since_ever(windows: Windows) -> list[BlindSpot]:
    """Users' failures from the first windows on, which teach what is usual: an outage that began before the data."""
    first = entered(windows)
    first = first[first["window"] < windows.start + WARM_UP_MOST * windows.window_s]
    told = first.groupby(first["component"].astype(str), sort=True)[["failed", "entries"]].sum()
    names = [str(name) for name in _often(told["failed"][told["failed"] >= ENOUGH], told["entries"])]
    if not names:
        return []
    share = told.loc[names, "failed"].sum() / told.loc[names, "entries"].sum()
    statement = f"{share:.0%} of the requests of users of {_some(names)} {SINCE_EVER}: "
    settles = "whether that is usual cannot be told; data from before, or a baseline, would settle it."
    return [BlindSpot(component=names[0] if len(names) == 1 else "", statement=statement + settles)]


def _silent_resolvers(windows: Windows, findings: list[Finding]) -> list[BlindSpot]:
    """Names that failed as a resolver in trouble fails them, where none counts what it answers."""
    faults = (f for f in findings if f.detector == "dns_failures" and f.facts["failure"] in (*AGAIN, "temporary"))
    names = sorted({f.component for f in faults})
    if not names or not windows.concepts.keys().isdisjoint(ANSWERS):
        return []
    statement = f"No resolver tells what it answered when {_some(names)} failed: which of them it was cannot be told; "
    settles = "its counter of response codes would settle it."
    return [BlindSpot(component=names[0] if len(names) == 1 else "", statement=statement + settles)]


def _often(failed: pd.Series[float], tried: pd.Series[float]) -> list[object]:
    """What failed in more than the share of its calls that matters, the most failures first."""
    often = failed[failed > LEAST_RISE * tried.reindex(failed.index, fill_value=0)]
    return list(often.sort_values(ascending=False, kind="stable").index)


def _some(names: list[str]) -> str:
    more = len(names) - FEW
    return ", ".join(names[:FEW]) + (f" and {more} more" if more > 0 else "")


def _dark_callees(windows: Windows, graph: Graph) -> list[BlindSpot]:
    """Names that are called but never answer with a span."""
    edges, peer = windows.edges, windows.edges.categories["peer"]
    called = np.asarray((peer != "") & (edges.names["client"] != ""), np.bool_)
    attempts, answered = (
        np.bincount(peer.codes[called], edges.total(windows.calls[name])[called], len(peer.categories))
        for name in ("attempts", "answered")
    )
    named = np.bincount(peer.codes[called], minlength=len(peer.categories)) > 0
    dark = np.flatnonzero(named & (answered == 0))
    dark = dark[np.argsort(-attempts[dark], kind="stable")]
    return [
        BlindSpot(
            component=str(name),
            statement=f"{name} sends no spans: whether it failed or was never reached cannot be told from inside; "
            "instrumentation or a probe would settle it.",
        )
        for name in peer.categories[dark[:MOST_NAMED]]
        if not graph.service(str(name))
    ]
