"""The whole outage on the real stack: the rules, Alertmanager and Epicenter tell one story, and tell it in order."""

from __future__ import annotations

from pathlib import Path

import msgspec

from epicenter.detectors.analysis import Incident
from epicenter.pipeline import analyze_paths
from epicenter.synthetic import History
from tests.live.stack import WINDOW_S, Firing, Story, played

NAME = "dynamodb.us-east-1.amazonaws.com"
STORM = "EpicenterRetryStormAfterRecovery"


def test_the_whole_outage_is_one_story(flagship: History, tmp_path: Path) -> None:
    """It is played once, which takes a minute."""
    story = played(flagship, tmp_path)
    check_that_the_empty_record_is_told_before_all_that_follows_from_it(story, flagship)
    check_that_symptoms_come_out_inhibited_by_their_cause(story)
    check_that_the_storm_is_told_only_after_the_repair(story, flagship)
    check_that_all_is_over_when_the_world_is_well_again(story, flagship)
    check_that_metrics_page_and_the_analysis_of_the_recording_agree(story)
    check_that_the_boards_show_it(story, flagship)


def of(story: Story, **labels: str) -> list[Firing]:
    return [firing for firing in story.firings if labels.items() <= firing.labels.items()]


def check_that_the_empty_record_is_told_before_all_that_follows_from_it(story: Story, flagship: History) -> None:
    """Only that the record may be overwritten is told before: a warning."""
    first = of(story, severity="critical")[0]
    assert (first.labels["alertname"], first.labels["peer"]) == ("EpicenterEndpointWithoutAddresses", NAME)
    assert first.start > flagship.truth.trigger[0]
    followed = [firing for stage in ("dependency", "recovery") for firing in of(story, stage=stage)]
    assert first.start < min(firing.start for firing in followed)


def check_that_symptoms_come_out_inhibited_by_their_cause(story: Story) -> None:
    """Or, when that is over, a failing call by the alert on the name that it fails on, which says why."""
    whys = {"EpicenterIncident", "EpicenterEndpointWithoutAddresses", "EpicenterRecordRace", "EpicenterDnsFailureSpike"}
    causes = {name for (name, _), alert in story.told.items() if alert["labels"]["alertname"] in whys}
    silent = [alert for (_, state), alert in story.told.items() if state == "suppressed"]
    silent = [alert for alert in silent if alert["labels"]["stage"] == "dependency"]
    assert all(causes & set(alert["status"]["inhibitedBy"]) for alert in silent)
    # of Epicenter at every peer; of the rules at the peer of the cause, as long as that fires
    (cause, *_) = of(story, alertname="EpicenterEndpointWithoutAddresses")
    rules = [firing for firing in of(story, stage="dependency", peer=NAME) if firing.start < cause.end]
    names = {"EpicenterSymptom", *(firing.labels["alertname"] for firing in rules)}
    assert {alert["labels"]["alertname"] for alert in silent} == names
    caused = False
    for look in story.looks:
        there = [alert for alert in look if alert["labels"].get("peer") == NAME]
        before, caused = caused, any(a["labels"]["alertname"] == "EpicenterEndpointWithoutAddresses" for a in there)
        if before and caused:  # Alertmanager marks what is there already a moment after it has heard of the cause
            calls = [alert for alert in there if alert["labels"]["stage"] == "dependency"]
            assert all(alert["status"]["state"] == "suppressed" for alert in calls)
    heard = {alert["labels"]["alertname"] for (_, state), alert in story.told.items() if state == "active"}
    assert {"EpicenterIncident", "EpicenterEndpointWithoutAddresses"} <= heard
    assert "EpicenterSymptom" not in heard


def check_that_the_storm_is_told_only_after_the_repair(story: Story, flagship: History) -> None:
    repaired, over = flagship.truth.trigger[1], flagship.truth.storm_end
    assert over is not None
    (storm,) = of(story, alertname=STORM)
    assert repaired < storm.start < over
    assert max(firing.end for firing in of(story, alertname="EpicenterEndpointWithoutAddresses")) < storm.start


def check_that_all_is_over_when_the_world_is_well_again(story: Story, flagship: History) -> None:
    assert max(firing.end for firing in story.firings) < flagship.end
    assert all(incident["ended_at"] is not None for incident in story.incidents.values())


def check_that_metrics_page_and_the_analysis_of_the_recording_agree(story: Story) -> None:
    first = min(story.incidents.values(), key=lambda incident: incident["started_at"])
    assert (first["trigger"]["component"], first["trigger"]["kind"]) == (NAME, "dns.empty_record")
    told = {name: (info["trigger"], info["kind"]) for name, info in story.infos.items()}
    listed = {name: (one["trigger"]["component"], one["trigger"]["kind"]) for name, one in story.incidents.items()}
    assert (NAME, "dns.empty_record") in told.values()
    assert told.items() <= listed.items()  # one that is over when it is found is never at /metrics
    for name, (component, _) in listed.items():
        assert component in story.pages[name]
    analysis, _ = analyze_paths([story.data], window_s=WINDOW_S)
    server = {gist(msgspec.convert(one, Incident)) for one in story.incidents.values()}
    recorded = {gist(one) for one in analysis.incidents}
    # on a busy machine the server may have told of one that later data took back
    assert (NAME, "dns.empty_record") in {one[:2] for one in recorded}
    assert recorded <= server
    assert len(server - recorded) <= 1


def check_that_the_boards_show_it(story: Story, flagship: History) -> None:
    """Every panel draws something; incidents, and failed look-ups of the name, only once the record is empty."""
    assert [expr for expr, lines in story.drawn.items() if not lines] == []
    for metric, labels in (("epicenter_incident_open", {}), ("epicenter_dns_failures_total", {"name": NAME})):
        (lines,) = (lines for expr, lines in story.drawn.items() if metric in expr)
        above = [
            at for line in lines if labels.items() <= line.labels.items() for at, n in line.points.items() if n > 0
        ]
        assert above, metric
        assert min(above) > flagship.truth.trigger[0], metric


def gist(incident: Incident) -> tuple[str, str, float, float | None]:
    """What it is and when, in whole windows: the time of the change behind it may be known a look later."""
    began = incident.started_at // WINDOW_S * WINDOW_S
    return incident.trigger.component, incident.trigger.kind, began, incident.ended_at
