"""What clients word without telling how resolution failed stays so until other telemetry tells."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from epicenter.detectors import analyze
from tests.detectors.frames import SUMMARY, Row, change, gauge, put, windows
from tests.detectors.stories import NAME, calm, name_gone

BAD, WELL, END = 30, 45, 60
FAILING = [*calm(0, BAD), *name_gone(BAD, WELL, "dns_unspecified"), *calm(WELL, END)]
DELETED = change(BAD - 0.5, "record.delete", NAME, "operators", None, Answers=0)


def counted(code: str, zone: str = "example") -> list[Row]:
    """A zone's answers, of which most have this code while the name fails."""
    good = gauge(zone, "dns_responses", put([100.0] * END, BAD, [20.0] * (WELL - BAD)), "NOERROR")
    return [*good, *gauge(zone, "dns_responses", put([1.0] * END, BAD, [80.0] * (WELL - BAD)), code)]


def probed(verdict: float) -> list[Row]:
    """A probe gets no addresses while the name fails, which the prober calls good or not."""
    none = put([3.0] * END, BAD, [0.0] * (WELL - BAD))
    return [*gauge(NAME, "dns_answers", none, "A"), *gauge(NAME, "probe_ok", put([1.0] * END, BAD, [verdict] * 15))]


@pytest.mark.parametrize(
    ("signals", "changes", "failure"),
    [
        ([], [], "unspecified"),
        (counted("NXDOMAIN", "elsewhere"), [], "unspecified"),
        (probed(0.0), [], "unspecified"),
        (counted("NXDOMAIN"), [], "nxdomain"),
        (counted("SERVFAIL"), [], "servfail"),
        (probed(1.0), [], "nodata"),
        ([], [DELETED], "nodata"),
        (counted("NXDOMAIN"), [DELETED], "nxdomain"),
    ],
    ids=[
        "nobody tells",
        "codes of another zone",
        "a probe that was answered badly",
        "codes of its zone",
        "codes of a server in trouble",
        "a probe that got no addresses",
        "its record was deleted",
        "codes tell how a server answers for a record that was deleted",
    ],
)
def test_how_a_name_failed_is_told_by_telemetry_and_never_by_vague_words(
    signals: Sequence[Row], changes: Sequence[Row], failure: str
) -> None:
    (incident,) = analyze(windows(END, FAILING, signals, changes), SUMMARY).incidents
    assert (incident.trigger.component, incident.dns.role, incident.dns.names) == (NAME, "root", (NAME,))
    assert incident.dns.failure == failure
