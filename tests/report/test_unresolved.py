"""A name whose clients say no more than that it failed: no face of the analysis says how, and all say that it did."""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest
from rich.console import Console

from epicenter.detectors import analyze
from epicenter.detectors.analysis import Analysis
from epicenter.live.alerts import alerts_of
from epicenter.live.feed import Snapshot, Tracked
from epicenter.live.page.views import headline
from epicenter.report import html, terminal
from tests.detectors.frames import SUMMARY, at, windows
from tests.detectors.stories import NAME, calm, name_gone

SAID = f"{NAME} could no longer be resolved"


def explained(failure: str) -> Analysis:
    return analyze(windows(50, [*calm(0, 20), *name_gone(20, 50, failure)]), SUMMARY)


def on_a_terminal(analysis: Analysis) -> str:
    written = io.StringIO()
    terminal.render(analysis, Console(file=written, width=120))
    return written.getvalue()


def on_the_page(analysis: Analysis) -> str:
    return html.render(analysis).replace(f'<span class="component">{NAME}</span>', NAME)


def in_alerts(analysis: Analysis) -> str:
    snapshot = Snapshot(at(50), 30, (Tracked("i1", analysis.incidents[0], at(50)),))
    told = (text for alert in alerts_of(snapshot, "http://page.example") for _, text in alert.annotations)
    return "\n".join(told)


def on_the_live_page(analysis: Analysis) -> str:
    return headline(Tracked("i1", analysis.incidents[0], at(50)))


@pytest.mark.parametrize("face", [on_a_terminal, on_the_page, in_alerts, on_the_live_page])
def test_how_a_name_fails_is_not_guessed(face: Callable[[Analysis], str]) -> None:
    told = face(explained("dns_unspecified"))
    assert SAID in told
    assert "addresses" not in told
    assert "empty_record" not in told
    assert SAID not in face(explained("dns_nodata"))


def test_updates_say_that_the_name_does_not_resolve() -> None:
    (incident,) = explained("dns_unspecified").incidents
    assert (incident.trigger.component, incident.dns.role, incident.dns.failure) == (NAME, "root", "unspecified")
    assert f"The failures lead back to the name {NAME}: it does not resolve." in incident.updates[0].text


def test_a_lead_is_called_no_more_than_a_name_that_fails() -> None:
    calls = [*calm(0, 20), *name_gone(20, 50, "dns_unspecified")]
    named = {NAME: "stock.example"}
    second = [{**row, "peer": named.get(row["peer"], row["peer"])} for row in name_gone(20, 50, "dns_unspecified")]
    analysis = analyze(windows(50, [*calls, *(row for row in second if row["peer"] == "stock.example")]), SUMMARY)
    assert analysis.incidents[0].verdict == "unknown"
    assert f"The strongest lead is {NAME} (dns), but it is only" in " ".join(on_a_terminal(analysis).split())


def test_a_name_that_is_asked_for_in_vain_does_not_resolve_others() -> None:
    told = on_a_terminal(explained("dns_timeout"))
    assert SAID in told
    assert "in time" in told
