"""Windows -> findings -> one incident. Pure functions: no I/O, no clock, no network."""

from .analysis import SCHEMA, Analysis
from .base import Detector, Evidence, Finding
from .diagnosis import analyze
from .registry import DETECTORS

__all__ = ["DETECTORS", "SCHEMA", "Analysis", "Detector", "Evidence", "Finding", "analyze"]
