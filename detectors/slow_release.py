"""Services that are slow from the first sight of a version on: nobody told of the release, and it need fail nobody.

Cold caches of a deploy are filled within some windows. A stretch (`slowness`) of the time that a service takes for its
requests is the release's if it begins as its version is first seen; what was slow before came by something else.
"""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import pandas as pd

from ..collector.model import Windows
from .base import HORIZON, Finding
from .once import Once
from .releases import SOON, read_off, versions_seen
from .series import Table, calls_over, tally
from .slowness import slow_finding, slow_stretches

DETECTOR, KIND = "slow_release", "latency_spike"


@Once
def slow_releases(windows: Windows) -> list[Finding]:
    """Find the services that answer slowly from the first window of a new version of theirs on, or soon after.

    facts: excess (0: of no failed requests), released_at (Unix seconds), alarm_at (when this was certain).
    """
    released: dict[str, list[tuple[str, float]]] = {}
    for service, version, time in versions_seen(windows.changes):
        released.setdefault(service, []).append((version, time))
    if not released:
        return []
    found: list[Finding] = []
    table = _served(windows, released)
    for slow in slow_stretches(table["took_s"], table["timed"]):
        service = table.names("server")[slow.series]
        began = windows.start + slow.episode.onset * windows.window_s
        why = [one for one in released[service] if began - SOON * windows.window_s <= one[1] <= began]
        if why and slow.counts:
            version, seen_at = why[-1]
            finding = slow_finding(
                windows,
                slow,
                service,
                detector=DETECTOR,
                kind=KIND,
                whose=f"to {service} from the first sight of version {version} on",
                columns="client, server, attempts, server_ns",
                released_at=seen_at,
            )
            found.append(finding)
    return sorted(found, key=lambda f: (f.started_at, f.component))


def _served(windows: Windows, services: Collection[str]) -> Table:
    """How long the services took (took_s), and for how many requests that is told (timed)."""
    edges, columns = windows.edges, ["window", "attempts", "server_ns"]
    theirs = edges.names["server"].isin(services)
    rows = calls_over(windows, theirs, columns, server=edges.categories["server"])
    took_ns, asked = rows["server_ns"].to_numpy(np.float64), rows["attempts"].to_numpy(np.float64)
    told = rows.assign(took_s=took_ns / 1e9, timed=np.where(took_ns > 0, asked, 0.0))
    return tally(windows, told, ("server",), ("took_s", "timed"))


def came_up_slow(windows: Windows, onset: float) -> pd.Series[bool]:
    """[changes] Which are versions that services came up with after the onset (Unix seconds) and are slow by from the
    first sight on: who is started anew with a bad release is gone for a while, and need fail nobody after that."""
    changes = windows.changes
    late = {(f.component, float(f.facts["released_at"])) for f in slow_releases(windows)}
    late = {(service, time) for service, time in late if onset < time <= onset + HORIZON * windows.window_s}
    seen = read_off(changes)
    if not late:
        return seen & False
    made = zip(changes["Target"].astype(str), changes["time"].astype(float), strict=True)
    return seen & np.array([one in late for one in made], np.bool_)
