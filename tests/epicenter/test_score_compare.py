"""What counts as right, and what is said of what does not."""

from __future__ import annotations

from dataclasses import asdict

import msgspec
import pytest

from epicenter.detectors.analysis import Dns, Incident
from epicenter.scoring.compare import compare
from epicenter.scoring.matching import is_explained
from tests.epicenter.told import CALM, END, RIGHT, analysis, blames, candidate, loop, truth

replace = msgspec.structs.replace


def test_what_is_all_true_is_all_right_and_nothing_is_said_of_it() -> None:
    found = compare(truth(), analysis(RIGHT))
    assert set(asdict(found.right).values()) == {True}
    assert (found.why, found.false_incidents, found.split) == ((), 0, 0)
    assert (found.trigger_start_error_s, found.trigger_end_error_s) == (0.0, 0.0)


@pytest.mark.parametrize(
    ("incident", "top1", "top3"),
    [
        (blames("store.example"), True, True),
        (blames("store"), True, True),
        (blames("10.0.0.7:443", "store"), True, True),
        (blames("cart", "cart"), False, True),
        (blames("cart", candidates=tuple(map(candidate, ("cart", "shop", "store")))), False, True),
        (blames("cart", candidates=tuple(map(candidate, ("cart", "shop", "web", "store")))), False, False),
        (blames("store.example.org", candidates=()), False, False),
    ],
)
def test_the_root_may_go_by_any_of_its_names_and_top_3_are_the_first_three(
    incident: Incident, top1: bool, top3: bool
) -> None:
    found = compare(truth(), analysis(incident))
    assert (found.right.root_top1, found.right.root_top3) == (top1, top3)
    assert any("root: expected store.example" in line for line in found.why) is not top1


def test_unknown_is_not_right_but_counted_apart() -> None:
    found = compare(truth(), analysis(replace(RIGHT, verdict="unknown")))
    assert (found.right.root_top1, found.right.root_top3, found.right.root_kind) == (False, True, False)
    assert found.said_unknown
    assert not is_explained(truth(), analysis(replace(RIGHT, verdict="unknown")))


def test_a_wrong_role_and_class_are_told_with_a_name_that_failed() -> None:
    dns = Dns(role="symptom", failure="timeout", names=("a.example", "b.example"))
    found = compare(truth(), analysis(replace(RIGHT, dns=dns)))
    assert (found.right.dns_role, found.right.dns_failure) == (False, False)
    assert "dns role: expected root, said symptom (2 names, such as a.example)" in found.why
    assert "dns class: expected nodata, said timeout (2 names, such as a.example)" in found.why


@pytest.mark.parametrize("kind", ["retry_storm", "restart_herd", "lease_collapse"])
def test_each_loop_of_repeated_work_is_a_storm(kind: str) -> None:
    found = compare(truth(metastable=False), analysis(replace(RIGHT, sustaining=(loop(kind, metastable=False),))))
    assert (found.right.storm, found.right.metastable) == (True, True)


def test_a_lost_cache_is_metastable_and_no_storm() -> None:
    said = analysis(replace(RIGHT, sustaining=(loop("cache_loss"),)))
    found = compare(truth(storm=False), said)
    assert (found.right.storm, found.right.metastable) == (True, True)
    missed = compare(truth(), said)
    assert (missed.right.storm, missed.right.metastable) == (False, True)
    assert "storm: missed; loops said: cache_loss of store (metastable)" in missed.why


def test_an_incident_that_was_not_seen_is_one_line_and_right_in_nothing() -> None:
    found = compare(truth(storm=False, metastable=False), analysis())
    marks = asdict(found.right)
    assert {name: mark for name, mark in marks.items() if mark} == {"storm": True, "metastable": True}
    assert found.why == ("incident: none was seen of store.example (dns.empty_record)",)
    assert found.trigger_start_error_s is None


def test_incidents_of_another_time_are_false_and_a_second_one_at_the_time_is_a_split() -> None:
    early = replace(RIGHT, started_at=1100.0, ended_at=1200.0, sustaining=())
    found = compare(truth(), analysis(early, RIGHT, replace(RIGHT, impact=1.0)))
    assert (found.false_incidents, found.split, found.right.root_top1) == (1, 1, True)
    assert found.why[0].startswith("false incident after 100 s: store.example (dns.empty_record)")


def test_a_calm_world_has_no_root_to_be_right_about() -> None:
    calm, alarm = compare(CALM, analysis()), compare(CALM, analysis(RIGHT))
    assert (calm.right.incident, calm.right.root_top1, calm.right.dns_role, calm.why) == (True, None, None, ())
    assert (alarm.right.incident, alarm.right.storm, alarm.false_incidents) == (False, False, 1)


def test_errors_are_said_minus_true_and_what_lasts_ends_with_the_data() -> None:
    trigger = replace(RIGHT.trigger, started_at=1990.0, ended_at=None)
    found = compare(truth(), analysis(replace(RIGHT, trigger=trigger)))
    assert (found.trigger_start_error_s, found.trigger_end_error_s) == (-10.0, END - 2300.0)
