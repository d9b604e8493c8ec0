"""A test that goes on from where it left off finds what it finds from the beginning, whatever happened meanwhile."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from epicenter.detectors.episodes import episodes
from epicenter.detectors.failure_spikes import failure_spikes
from epicenter.detectors.online import between
from epicenter.detectors.past import Past
from epicenter.detectors.series import tables
from tests.detectors.frames import WINDOW_S, windows
from tests.detectors.stories import callee_fails, calm

NAMES = [f"service-{at}" for at in range(8)]
WINDOWS, TRIED = 90, 40


def failures() -> np.ndarray:
    """[series, windows] Every other service fails for a while, each later than the one before; some go on failing."""
    failed = np.random.default_rng(7).binomial(TRIED, 0.002, (len(NAMES), WINDOWS)).astype(np.float64)
    for row in range(0, len(NAMES), 2):
        failed[row, 20 + 5 * row : 50 + 8 * row] = 30
    return failed


@pytest.mark.parametrize("slides", [False, True], ids=["kept", "sliding"])
@pytest.mark.parametrize("rewritten", [False, True], ids=["as it was", "told anew"])
def test_step_by_step_it_finds_what_it_finds_from_the_beginning(*, rewritten: bool, slides: bool) -> None:
    failed, memory = failures(), {}
    for until in range(30, WINDOWS + 1, 3):
        if rewritten and until == 60:
            failed[2, 25:32] = 0  # a late window changes what was known of one series
        some = slice(0, len(NAMES) if until > 45 else 5)  # others are told of only later
        start = max(0, until - 60) if slides else 0
        seen = failed[some, start:until]
        tried = np.full(seen.shape, float(TRIED))
        past = Past(memory, "a test", NAMES[some], start)
        assert episodes(seen, tried, past=past) == episodes(seen, tried), until


def test_what_it_saw_is_not_seen_again(stepped: list[int]) -> None:
    failed, memory = failures(), {}
    for until in (60, 61):
        stepped.clear()
        episodes(failed[:, :until], np.full((len(NAMES), until), float(TRIED)), past=Past(memory, "a test", NAMES, 0))
    assert stepped == [60]


def test_each_part_of_a_wide_estate_goes_on_from_its_own_past(
    stepped: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("epicenter.detectors.failure_spikes.tables", partial(tables, at_once=1))
    story, memory = windows(41, [*calm(0, 20), *callee_fails(20, 41)]), {}
    for until in (40, 41):
        stepped.clear()
        seen = replace(between(story, story.start, story.start + until * WINDOW_S), past=memory)
        assert len(failure_spikes(seen)) == 3
    assert stepped == [40] * 3
