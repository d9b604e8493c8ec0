"""All detectors by name; a new one is one file and one line here."""

from __future__ import annotations

from .base import Detector
from .dns_failures import dns_failures
from .failure_spikes import failure_spikes
from .record_race import record_race

DETECTORS: dict[str, Detector] = {
    "dns_failures": dns_failures,
    "failure_spikes": failure_spikes,
    "record_race": record_race,
}
