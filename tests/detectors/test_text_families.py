"""What failures say in words that no class knows is told as evidence, and changes nothing else."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import pytest

from epicenter.detectors import analyze
from epicenter.detectors.analysis import EvidenceItem, Incident
from epicenter.detectors.diagnosis import failure, look
from epicenter.detectors.text_families import families
from tests.detectors.frames import SUMMARY, Row, at, call, windows, words
from tests.detectors.stories import callee_fails, calm

END = 60
POOL = "pool exhausted waiting for a connection"


def explained(texts: Iterable[Row]) -> Incident:
    calls = [*calm(0, 30), *callee_fails(30, 45), *calm(45, END)]
    (incident,) = analyze(windows(END, calls, texts=texts), SUMMARY).incidents
    return incident


def told(texts: Iterable[Row]) -> list[EvidenceItem]:
    return [item for item in explained(texts).evidence if item.detector == "text_families"]


def gathered(*texts: tuple[str, int]) -> list[tuple[tuple[str, ...], int]]:
    rows = windows(1, texts=[words(0, "prices", text, failed) for text, failed in texts]).texts
    return [(family.texts, family.failed) for family in families(rows)]


def test_the_words_of_the_blamed_component_are_evidence_for_it() -> None:
    texts = [words(w, "prices", POOL, 27) for w in range(31, 45)] + [words(w, "prices", "", 3) for w in range(30, 45)]
    (item,) = told(texts)
    assert item.statement == f"243 of 273 failed spans of prices say “{POOL}”, against 0 in as much time before"
    assert (item.observed, item.expected, item.window) == (243, 0, (at(31), at(40)))
    assert item.id in explained(texts).trigger.evidence


def test_they_change_nothing_but_the_evidence() -> None:
    silent, told = explained([]), explained([words(w, "prices", POOL, 30) for w in range(30, 45)])
    assert told.trigger.evidence != silent.trigger.evidence
    assert decided(told) == decided(silent)


def test_where_a_stray_failure_dates_an_outage_its_words_are_looked_for_when_it_began() -> None:
    """Ten windows after the stray failure, and so beyond the stretch that it opens."""
    said = [words(w, "prices", POOL, 30) for w in range(30, 45)]
    stray = [call(w, "shop", "mail", "mail.example", errors_server=int(w == 20)) for w in range(45)]
    calls = [*calm(0, 30), *callee_fails(30, 45), *stray]
    seen, graph, _, (group,) = look(windows(45, calls, texts=said))
    dated = replace(group, started_at=at(20))
    incident = failure(seen, graph, dated).incident
    assert incident.trigger.component == "prices"
    assert incident.trigger.started_at == at(30)
    assert any(POOL in item.statement for item in incident.evidence)


def decided(incident: Incident) -> tuple[object, ...]:
    trigger, steps = incident.trigger, [(step.component, step.onset_at, step.because_of) for step in incident.cascade]
    return trigger.component, trigger.kind, trigger.started_at, trigger.ended_at, trigger.confidence, steps


@pytest.mark.parametrize(
    ("texts", "why"),
    [
        ([words(w, "cart", POOL, 30) for w in range(30, 45)], "of another component"),
        ([words(w, "prices", POOL, 30) for w in range(END)], "said before as often"),
        ([words(30, "prices", POOL, 3), *(words(w, "prices", "", 30) for w in range(30, 45))], "a detail"),
        ([words(w, "prices", POOL, 30) for w in range(45, END)], "said long after"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_says_nothing_of_the_cause_is_not_told(texts: list[Row], why: str) -> None:
    assert told(texts) == [], why


def test_what_the_component_says_of_itself_comes_before_what_its_clients_say() -> None:
    clients = [words(w, "prices", "stream was reset", 30, side="client") for w in range(30, 45)]
    (item,) = told(clients)
    assert item.statement.startswith("300 of 300 failed calls to prices say “stream was reset”")
    (item,) = told([*clients, *(words(w, "prices", POOL, 30) for w in range(30, 45))])
    assert POOL in item.statement


def test_texts_that_share_most_of_their_words_are_one_family() -> None:
    found = gathered((POOL, 9), ("disk is full", 5), (f"{POOL} to the ledger", 4), (f"{POOL} to the archive", 1))
    assert found == [((POOL, f"{POOL} to the ledger", f"{POOL} to the archive"), 14), (("disk is full",), 5)]


def test_what_all_texts_begin_with_makes_them_no_family() -> None:
    start = "Error: request failed: "
    found = gathered((start + "pool exhausted", 9), (start + "disk full", 5), (start + "certificate expired", 2))
    assert [failed for _, failed in found] == [9, 5, 2]


def test_a_family_counts_from_the_first_of_its_texts() -> None:
    texts = [words(35, "prices", POOL, 40), words(31, "prices", f"{POOL} to the ledger", 10)]
    (item,) = told(texts)
    assert item.window[0] == at(31)
    assert "50 of 50" in item.statement
    assert "(2 texts)" in item.statement


def test_nothing_is_said_by_nobody() -> None:
    assert gathered() == []
    assert gathered(("", 9)) == []


def test_the_order_of_the_rows_does_not_matter() -> None:
    calls = [*calm(0, 30), *callee_fails(30, 45), *calm(45, END)]
    seen = windows(END, calls, texts=[words(w, "prices", f"{POOL} {'abc'[w % 3]}", 9) for w in range(30, 45)])
    assert analyze(replace(seen, texts=seen.texts.sample(frac=1, random_state=1)), SUMMARY) == analyze(seen, SUMMARY)
