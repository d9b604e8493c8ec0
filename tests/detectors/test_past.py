"""A test that goes on from where it left off finds what it finds from the beginning, whatever happened meanwhile."""

from __future__ import annotations

import numpy as np
import pytest

from epicenter.detectors.cusum import Running
from epicenter.detectors.episodes import episodes
from epicenter.detectors.past import Past

NAMES = [f"service-{at}" for at in range(8)]
WINDOWS, TRIED = 90, 40


def failures() -> np.ndarray:
    """[series, windows] Every other service fails for a while, each later than the one before; some go on failing."""
    failed = np.random.default_rng(7).binomial(TRIED, 0.002, (len(NAMES), WINDOWS)).astype(np.float64)
    for row in range(0, len(NAMES), 2):
        failed[row, 20 + 5 * row : 50 + 8 * row] = 30
    return failed


@pytest.mark.parametrize("rewritten", [False, True], ids=["as it was", "told anew"])
def test_step_by_step_it_finds_what_it_finds_from_the_beginning(*, rewritten: bool) -> None:
    failed, memory = failures(), {}
    for until in range(30, WINDOWS + 1, 3):
        if rewritten and until == 60:
            failed[2, 25:32] = 0  # a late window changes what was known of one series
        some = slice(0, len(NAMES) if until > 45 else 5)  # others are told of only later
        seen = failed[some, :until]
        tried = np.full(seen.shape, float(TRIED))
        past = Past(memory, "a test", NAMES[some])
        assert episodes(seen, tried, past=past) == episodes(seen, tried), until


def test_what_it_saw_is_not_seen_again(monkeypatch: pytest.MonkeyPatch) -> None:
    stepped: list[int] = []
    step = Running.step

    def counted(running: Running, failed: np.ndarray, tried: np.ndarray) -> None:
        stepped.append(running.window)
        step(running, failed, tried)

    monkeypatch.setattr(Running, "step", counted)
    failed, memory = failures(), {}
    for until in (60, 61):
        stepped.clear()
        episodes(failed[:, :until], np.full((len(NAMES), until), float(TRIED)), past=Past(memory, "a test", NAMES))
    assert stepped == [60]
