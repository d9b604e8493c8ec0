"""Worlds of the library as their telemetry tells of them: each detector finds what it is for, and nobody cries in vain.

The contract's own estates are made by hand for one detector each; these know nothing of detectors.
"""

from __future__ import annotations

from math import inf

import pytest

from epicenter.collector.model import Windows
from epicenter.detectors import analyze
from epicenter.detectors.analysis import RecordingSummary
from epicenter.detectors.base import HORIZON
from epicenter.detectors.grouping import LEADING
from epicenter.detectors.registry import DETECTORS
from epicenter.scoring.telemetry import windows_of
from epicenter.synthetic.telemetry.mix import DEFAULT
from tests.simulated import simulated

SPANS = 30_000
"""Of a world with an incident: few enough for a test, and enough for detectors to see what it shows."""

CALM_SPANS = 200_000
"""Of a calm day, whose few failures shall be many enough to be taken for an incident by who is easily alarmed."""

WORLDS = {
    "aws-dynamodb-2025": ("health_check_flapping", "lease_collapse", "record_race", "record_writers"),
    "cache-loss": ("cache_loss", "queueing"),
    "dns-root-no-storm": ("dns_answers", "dns_failures", "dns_lookups", "failure_spikes"),
    "metadata-timeout-storm": ("restart_herd",),
    "network-congestion-dns-symptom": ("retry_storm",),
    "retries-without-storm": ("dns_rcodes",),
    "telemetry-loss": ("telemetry_silence",),
}
"""World -> the detectors that have something to find in it; of those that show the same the smallest."""

UNSEEN = {"slow_release": "no world's telemetry tells a version"}
"""Detectors that no world shows, with the reason."""


def seen(name: str, spans: int = SPANS) -> tuple[Windows, RecordingSummary]:
    history = simulated(name)
    return windows_of(history, seed=0, mix=DEFAULT, spans_per_second=spans / (history.end - history.start))


def test_each_detector_is_shown_by_a_world_or_told_to_be_seen_in_none() -> None:
    assert sorted([*UNSEEN, *(name for shown in WORLDS.values() for name in shown)]) == sorted(DETECTORS)


@pytest.mark.parametrize("world", WORLDS)
def test_detectors_find_something_in_the_incident_of_a_world(world: str) -> None:
    """Those that warn may do so before it, of the name that is to fail."""
    windows, _ = seen(world)
    truth = simulated(world).truth
    began, over = truth.span
    for name in WORLDS[world]:
        found = [f for f in DETECTORS[name](windows) if f.started_at < over]
        if name in LEADING:
            assert truth.root_component in {f.component for f in found}, name
        else:
            since = began - HORIZON * windows.window_s
            assert any(f.started_at >= since and f.until(inf) > began for f in found), name


def test_a_calm_day_has_no_incident() -> None:
    assert analyze(*seen("calm-day", CALM_SPANS)).incidents == ()
