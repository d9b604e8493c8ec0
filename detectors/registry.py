"""All detectors by name; a new one is one file and one line here."""

from __future__ import annotations

from .base import Detector
from .cache_loss import cache_loss
from .dns_answers import dns_answers
from .dns_failures import dns_failures
from .dns_lookups import dns_lookups
from .dns_rcodes import dns_rcodes
from .failure_spikes import failure_spikes
from .health_check_flapping import health_check_flapping
from .lease_collapse import lease_collapse
from .queueing import queueing
from .record_race import record_race
from .record_writers import record_writers
from .restart_herd import restart_herd
from .retry_storm import retry_storm
from .slow_release import slow_releases
from .telemetry_silence import telemetry_silence

DETECTORS: dict[str, Detector] = {
    "cache_loss": cache_loss,
    "dns_answers": dns_answers,
    "dns_failures": dns_failures,
    "dns_lookups": dns_lookups,
    "dns_rcodes": dns_rcodes,
    "failure_spikes": failure_spikes,
    "health_check_flapping": health_check_flapping,
    "lease_collapse": lease_collapse,
    "queueing": queueing,
    "record_race": record_race,
    "record_writers": record_writers,
    "restart_herd": restart_herd,
    "retry_storm": retry_storm,
    "slow_release": slow_releases,
    "telemetry_silence": telemetry_silence,
}
