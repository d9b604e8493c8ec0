"""When something was known for good, with nothing known that came later."""

from __future__ import annotations

from itertools import pairwise

import pytest

from epicenter.scoring.moments import first_lasting, moments, until
from tests.detectors.frames import START, WINDOW_S, call, change, signal, windows


def test_what_was_seen_by_a_moment_holds_nothing_of_later() -> None:
    rows = [call(w, "shop", "cart") for w in range(10)]
    told = [signal(w, "cart", "dns_answers", 1.0) for w in range(10)]
    made = [change(w, "deploy", "cart", "ci", None) for w in range(10)]
    # in the middle of the fifth window four have ended
    seen = until(windows(10, rows, told, made), START + 4.5 * WINDOW_S)
    assert seen.end == START + 4 * WINDOW_S
    assert seen.calls["window"].max() == seen.signals["window"].max() == START + 3 * WINDOW_S
    assert seen.changes["time"].max() < seen.end


def test_moments_are_ends_of_windows_dense_at_first_and_the_last_is_the_end() -> None:
    at = moments(1003.0, 9000, 10)
    assert at[:2] == (1010, 1020)
    assert all(moment % 10 == 0 for moment in at)
    assert {b - a for a, b in pairwise(at[:61])} == {10}
    assert at[-1] == 9000
    assert len(at) < 80
    assert list(at) == sorted(set(at))


@pytest.mark.parametrize("change", range(40))
def test_the_moment_of_the_change_is_found_with_few_questions(change: int) -> None:
    asked: list[int] = []

    def holds(moment: int) -> bool:
        asked.append(moment)
        return moment >= change

    assert first_lasting(tuple(range(40)), holds) == change
    assert len(asked) <= 14


def test_what_is_not_true_in_the_end_never_was_and_what_was_lost_counts_from_its_return() -> None:
    at = tuple(range(16))
    assert first_lasting(at, lambda moment: moment != 15) is None
    assert first_lasting(at, lambda moment: moment < 3 or moment >= 12) == 12
