"""What the data could not show, and what would settle it."""

from __future__ import annotations

from ..collector.model import Windows
from .analysis import BlindSpot
from .graph import Graph

MOST_NAMED = 10
"""Uninstrumented callees named one by one; more would bury the rest."""


def blind_spots(windows: Windows, graph: Graph) -> tuple[BlindSpot, ...]:
    """List what is missing from this recording, the widest gaps first."""
    return (*_missing_sources(windows), *_missing_columns(windows), *_dark_callees(windows, graph))


def _missing_sources(windows: Windows) -> list[BlindSpot]:
    spots: list[BlindSpot] = []
    if windows.calls.empty:
        spots.append(BlindSpot(component="", statement="No traces: who called whom is unknown; spans would settle it."))
    if windows.signals.empty:
        spots.append(
            BlindSpot(
                component="",
                statement="No metrics that we know: queues, leases, health checks and resolvers cannot be seen; "
                "Prometheus samples of them would settle it.",
            )
        )
    if windows.changes.empty:
        spots.append(
            BlindSpot(
                component="",
                statement="No change telemetry: who changed what before the failure is unknown; "
                "record changes and deploys as log events would settle it.",
            )
        )
    return spots


def _missing_columns(windows: Windows) -> list[BlindSpot]:
    calls = windows.calls
    spots: list[BlindSpot] = []
    if len(calls) and not (calls["errors"] > 0).any():
        spots.append(
            BlindSpot(
                component="",
                statement="No span carries an error status: failed calls cannot be told from good ones; "
                "span status would settle it.",
            )
        )
    if len(calls) and not (calls["peer"] != "").any():
        spots.append(
            BlindSpot(
                component="",
                statement="No span names the host it addressed: names cannot be blamed; "
                "server.address on client spans would settle it.",
            )
        )
    return spots


def _dark_callees(windows: Windows, graph: Graph) -> list[BlindSpot]:
    """Names that are called but never answer with a span."""
    called = windows.calls[(windows.calls["peer"] != "") & (windows.calls["client"] != "")]
    totals = called.groupby("peer", sort=True)[["attempts", "answered"]].sum()
    dark = totals[totals["answered"] == 0].sort_values("attempts", ascending=False, kind="stable")
    return [
        BlindSpot(
            component=str(peer),
            statement=f"{peer} sends no spans: whether it failed or was never reached cannot be told from inside; "
            "instrumentation or a probe would settle it.",
        )
        for peer in dark.index[:MOST_NAMED]
        if not graph.service(str(peer))
    ]
