"""A confidence says what share of the like was right, and grows with what speaks for a trigger."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from epicenter.collector.model import Windows
from epicenter.detectors.base import Evidence
from epicenter.detectors.confidence import FITTED, confidence
from epicenter.detectors.suspects import Suspect
from tests.detectors.frames import call, change, signal, windows

TRACED = windows(1, [call(0, "web", "store")])
COUNTED = windows(1, [call(0, "web", "store", example_trace="")])
SUSPECT = Suspect(
    component="store",
    service="store",
    kind="crash",
    score=0.8,
    certainty=0.8,
    failed=50.0,
    failure="",
    evidence=Evidence("they failed", "", (0.0, 10.0), 50.0, 0.0),
    findings=(),
)


def test_who_explains_more_is_surer_and_who_explains_nothing_is_not_sure_at_all() -> None:
    sure = [confidence(TRACED, replace(SUSPECT, certainty=share)) for share in (0.0, 0.1, 0.4, 0.7, 1.0)]
    assert sure[0] == 0.0
    assert sure == sorted(set(sure))
    assert sure[-1] < 1.0


@pytest.mark.parametrize(
    ("seen", "suspect"), [(COUNTED, SUSPECT), (TRACED, replace(SUSPECT, kind="unknown"))], ids=["counters", "no kind"]
)
def test_less_to_go_by_is_less_sure(seen: Windows, suspect: Suspect) -> None:
    assert confidence(seen, suspect) < confidence(TRACED, SUSPECT)


UNSEEN_WAY = replace(SUSPECT, kind="network_congestion", how="unreached")
ASKED_MORE = replace(SUSPECT, kind="overload", how="answer")


STALE = replace(SUSPECT, kind="dns.stale_record", how="unreached", failure="stale")


@pytest.mark.parametrize(
    "suspect",
    [UNSEEN_WAY, STALE, ASKED_MORE],
    ids=["lost on the way to it", "nobody told of its record", "users ask for no more"],
)
def test_who_is_struck_by_something_that_nothing_shows_is_named_less_surely(suspect: Suspect) -> None:
    assert confidence(TRACED, suspect) == confidence(TRACED, replace(SUSPECT, kind="unknown"))


def test_a_device_on_the_way_a_record_that_was_written_and_a_store_whose_cache_is_seen_are_as_sure_as_others() -> None:
    written = windows(1, [call(0, "web", "store")], changes=[change(0, "record.upsert", "store", "dns", 7)])
    assert confidence(written, STALE) == confidence(TRACED, SUSPECT)
    cached = windows(1, [call(0, "web", "store")], [signal(0, "memo", "cache_hits", 9)])
    assert confidence(TRACED, replace(UNSEEN_WAY, how="behind")) == confidence(TRACED, SUSPECT)
    assert confidence(cached, ASKED_MORE) == confidence(TRACED, SUSPECT)


def test_of_those_named_with_much_confidence_as_many_were_right_in_families_that_the_fit_had_not_seen() -> None:
    told = {row["confidence"]: row for row in json.loads(FITTED.read_text())["on_families_left_out"]}
    sure, unsure = told["[0.9, 1.0)"], told["[0.0, 0.5)"]
    assert sure["incidents"] > 100
    assert sure["right"] >= 0.9
    assert unsure["right"] < 0.5
