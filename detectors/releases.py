"""Releases that nobody tells of: a service shows a version that it did not have.

Most estates send no record of their deploys, but each of their spans tells its service's version: the resource
attribute `service.version` (OpenTelemetry's resource semantic conventions). Of a service without, metrics may tell it:
`target_info`, a `…_build_info`, or the image that its pods run. The first window in which one is seen is when it was
released, as far as users are concerned. To go back to an earlier version is no first sight.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pandas as pd

from ..collector.model import Versions, Windows
from .base import HORIZON, Evidence
from .cusum import LEAST_RISE
from .order import in_order
from .queries import sql
from .series import calls_over, concept

SOON = 2
"""Windows before the onset in which a release lies that was read off a version and broke something: its first instance
fails from its first request on. Nobody says so, and what is seen to change goes on changing all day."""

_SEEN = "first seen as version "
"""How the detail of a release begins that was read off a version."""


def with_releases(windows: Windows, since: float) -> Windows:
    """The windows, in order as they come, with a deploy among their changes for each version new to its service.

    since: Unix seconds; what was seen up to then was there before. A deploy that somebody told of in the `HORIZON`
    windows before is not told twice; one that is told later, as that of a rollout that is over, is no earlier cause.
    """
    horizon_s = HORIZON * windows.window_s
    deploys = windows.changes[windows.changes["Kind"] == "deploy"]
    told = list(zip(deploys["Target"].astype(str), deploys["time"].astype(float), strict=True))
    seen = [
        _deploy(service, version, time)
        for service, version, time in _new(_versions(windows), horizon_s)
        if time > since
        and not any(_is(who, service) and -horizon_s <= at - time < windows.window_s for who, at in told)
    ]
    if not seen:
        return windows
    numbers = dict.fromkeys(("Generation", "Answers"), "float64")  # where none is unknown they may be whole
    rows = pd.DataFrame(seen, columns=windows.changes.columns).astype({**windows.changes.dtypes, **numbers})
    changes = rows if windows.changes.empty else pd.concat([windows.changes, rows], ignore_index=True)
    return in_order(replace(windows, changes=changes).with_edges(windows.edges))


def _versions(windows: Windows) -> Versions:
    """The first window of each service and version, of a service by its spans if they tell, else by metrics: the two
    may spell one version in two ways."""
    by_spans = {service for service, _ in windows.versions}
    return {
        **{what: at for what, at in told_by_metrics(windows).items() if what[0] not in by_spans},
        **windows.versions,
    }


def told_by_metrics(windows: Windows) -> dict[tuple[str, str], int]:
    """The first window of each service and version that metrics tell of."""
    rows = concept(windows, "version")
    first = rows[rows["item"] != ""].sort_values("window", kind="stable").drop_duplicates(["component", "item"])
    told = zip(first["component"].astype(str), first["item"].astype(str), strict=True)
    return dict(zip(told, first["window"].astype(int), strict=True))


def _new(versions: Versions, quiet_s: float) -> Iterator[tuple[str, str, float]]:
    """(service, version, time) of those that are new in a service that had shown none for so long.

    In less time two that ran side by side all along, as in a slow rollout that began before the data, may not both have
    been seen; and what changes all the time is no release.
    """
    last: dict[str, int] = {}
    for (service, version), time in sorted(versions.items(), key=lambda one: (one[1], one[0])):
        if service in last and time - last[service] >= quiet_s:
            yield service, version, float(time)
        last[service] = time


def _deploy(service: str, version: str, time: float) -> dict[str, object]:
    """A row of changes: what is not known of it is not said."""
    return {
        "time": time,
        "Kind": "deploy",
        "Target": service,
        "Actor": "",
        "Generation": None,
        "Answers": None,
        "Outcome": "ok",
        "Detail": _SEEN + version,
    }


def _is(target: str, service: str) -> bool:
    return service in (target, target.partition(".")[0])


def lately(windows: Windows, onset: float) -> pd.Series[bool]:
    """[changes] Which were made so shortly before the onset (Unix seconds) that they may be why. Those who tell of them
    may do so a little late; a version that was first seen later is rather what mended it."""
    time, seen = windows.changes["time"], read_off(windows.changes)
    since = onset - np.where(seen, SOON, HORIZON) * windows.window_s
    return (time >= since) & (time <= onset + np.where(seen, 0, windows.window_s))


def came_up(windows: Windows, service: str, onset: float) -> pd.Series[bool]:
    """[changes] Which are versions that the service came up with after the onset (Unix seconds), and from whose first
    sight on it fails: who is started anew is gone for a while, but answers hardly any failure until then."""
    changes, until = windows.changes, onset + HORIZON * windows.window_s
    seen = read_off(changes) & (changes["time"] > onset) & (changes["time"] <= until)
    if not seen.any():
        return seen
    rows = calls_over(windows, windows.edges.names["server"] == service, ["window", "errors"], onset, until)
    failed, total = rows["errors"].to_numpy(np.float64), float(rows["errors"].sum())
    before = np.array([failed[rows["window"] < time].sum() for time in changes["time"]])
    return seen & (before <= LEAST_RISE * total) & (total > 0)


def read_off(changes: pd.DataFrame) -> pd.Series[bool]:
    """[changes] Which are releases that nobody told of."""
    return changes["Detail"].astype(str).str.startswith(_SEEN)


def release_evidence(changes: pd.DataFrame, window_s: int) -> tuple[Evidence, ...]:
    """What says that there were releases, of those among some changes that nobody told of."""
    return tuple(_evidence(service, version, time, window_s) for service, version, time in versions_seen(changes))


def versions_seen(changes: pd.DataFrame) -> list[tuple[str, str, float]]:
    """(service, version, time of its first sight in Unix seconds) of the releases that nobody told of, in order of
    time."""
    rows = changes[read_off(changes)]
    details = rows["Detail"].astype(str).str.removeprefix(_SEEN)
    seen = zip(rows["Target"].astype(str), details, rows["time"].astype(float), strict=True)
    return sorted(seen, key=lambda one: (one[2], one[0]))


def _evidence(service: str, version: str, time: float, window_s: int) -> Evidence:
    window = (time, time + window_s)
    return Evidence(
        statement=f"version {version} of {service} was first seen at {pd.Timestamp(time, unit='s'):%H:%M:%SZ}",
        query=sql("calls", "client, server, attempts, errors", window, server=service),
        window=window,
        observed=1.0,
        expected=0.0,
    )
