"""What /metrics says of incidents: these values, and never more series than are promised."""

from __future__ import annotations

from typing import get_args

from msgspec.structs import replace
from prometheus_client import CollectorRegistry

from epicenter.detectors.analysis import Candidate, SustainingKind
from epicenter.live.edges import Edge
from epicenter.live.feed import Tracked
from epicenter.live.metrics import StateOfIncidents
from tests.live.snapshots import RUNNING, at, tracked
from tests.report.example_analyses import NAME, pdt

LOOPS = get_args(SustainingKind)


def told(state: StateOfIncidents) -> dict[str, dict[tuple[str, ...], float]]:
    """Name -> values of labels, in their order -> value."""
    registry = CollectorRegistry()
    registry.register(state)
    return {
        family.samples[0].name: {tuple(sample.labels.values()): sample.value for sample in family.samples}
        for family in registry.collect()
        if family.samples
    }


def shown(*still: Tracked) -> dict[str, dict[tuple[str, ...], float]]:
    state = StateOfIncidents()
    state.show(at(pdt("11:00"), *still), [], [])
    return told(state)


def test_before_anything_is_known_there_is_no_incident_and_no_loop() -> None:
    assert told(StateOfIncidents()) == {
        "epicenter_incident_open": {(): 0.0},
        "epicenter_warning_open": {(): 0.0},
        "epicenter_sustaining_loop_active": {(loop,): 0.0 for loop in LOOPS},
    }


def test_a_running_incident_is_told_with_its_values() -> None:
    state = StateOfIncidents()
    edges = [Edge("shop", "stock", 3.5, 0.25), Edge("shop", "pay", 1.0, 1.0)]
    state.show(at(pdt("11:00"), tracked(RUNNING)), edges, [((NAME, "nodata"), 302.0), ((NAME, "timeout"), 4.0)])
    assert told(state) == {
        "epicenter_incident_open": {(): 1.0},
        "epicenter_warning_open": {(): 0.0},
        "epicenter_incident_info": {("i1", "cascade", NAME, "dynamodb", "dns.empty_record"): 1.0},
        "epicenter_incident_start_timestamp_seconds": {("i1",): pdt("23:48")},
        "epicenter_incident_phase": {
            ("i1", "empty record"): 0.0,
            ("i1", "caches run out"): 0.0,
            ("i1", "lease collapse"): 1.0,
        },
        "epicenter_root_cause_confidence_ratio": {
            ("i1", NAME, "dynamodb", "dns.empty_record"): 0.97,
            ("i1", "nlb", "nlb", "health_check_flapping"): 0.41,
            ("i1", "ec2-dwfm", "ec2-dwfm", "lease_collapse"): 0.38,
            ("i1", "network-manager", "network-manager", "slow"): 0.22,
        },
        "epicenter_edge_amplification_ratio": {("shop", "stock"): 3.5, ("shop", "pay"): 1.0},
        "epicenter_edge_goodput_ratio": {("shop", "stock"): 0.25, ("shop", "pay"): 1.0},
        "epicenter_dns_failures_total": {(NAME, "nodata"): 302.0, (NAME, "timeout"): 4.0},
        "epicenter_sustaining_loop_active": {(loop,): float(loop == "lease_collapse") for loop in LOOPS},
    }


def test_only_the_loop_that_runs_is_active() -> None:
    runs, ended = RUNNING.sustaining[0], RUNNING.sustaining[-1]
    for kind in LOOPS:
        others = tuple(replace(ended, kind=other) for other in LOOPS)
        found = shown(tracked(replace(RUNNING, sustaining=(replace(runs, kind=kind), *others))))
        assert found["epicenter_sustaining_loop_active"] == {(loop,): float(loop == kind) for loop in LOOPS}


def test_of_too_many_incidents_and_candidates_the_first_have_series() -> None:
    many = tuple(
        Candidate(component=f"c{n}", service="shop", kind="slow", score=1.5 - 0.2 * n, evidence=()) for n in range(6)
    )
    found = shown(*(tracked(replace(RUNNING, candidates=many), f"i{n}") for n in range(6)))
    assert found["epicenter_incident_open"] == {(): 6.0}
    names = {f"i{n}" for n in range(5)}
    assert {labels[0] for labels in found["epicenter_incident_info"]} == names
    assert {labels[0] for labels in found["epicenter_incident_phase"]} == names
    scores = found["epicenter_root_cause_confidence_ratio"]
    assert {labels[:2] for labels in scores} == {(name, f"c{n}") for name in names for n in range(5)}
    assert scores["i0", "c0", "shop", "slow"] == 1.0  # a ratio, whatever the score
