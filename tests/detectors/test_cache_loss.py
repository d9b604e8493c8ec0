"""A cache that was lost is told from one that always misses, from one at rest and from a busy one."""

from __future__ import annotations

import pytest

from epicenter.detectors.cache_loss import cache_loss, clients_of_lost_caches
from tests.detectors.frames import Row, at, call, signal, windows

CALM, BAD, END = 30, 10, 60


def counted(
    bad: tuple[float, float], calm: tuple[float, float] = (900, 100), until: int = CALM + BAD, name: str = "cache"
) -> list[Row]:
    """Hits and misses a window, with other ones from window `CALM` until before `until`."""
    rows: list[Row] = []
    for window in range(END):
        hits, misses = bad if CALM <= window < until else calm
        rows += [signal(window, name, "cache_hits", hits), signal(window, name, "cache_misses", misses)]
    return rows


def test_a_cache_that_misses_is_found_with_its_window_and_the_load_it_lets_through() -> None:
    (found,) = cache_loss(windows(END, signals=counted((100, 900))))
    assert (found.kind, found.component) == ("cache_loss", "cache")
    assert (found.started_at, found.ended_at) == (at(CALM), at(CALM + BAD))
    assert (found.score, found.facts["amplification"]) == pytest.approx((0.9, 9.0))
    assert "cache missed 90% of its look-ups, 10% before: 9.0 times the load" in found.evidence[0].statement


@pytest.mark.parametrize(
    ("bad", "calm"),
    [
        ((9000, 1000), (900, 100)),
        ((850, 150), (900, 100)),
        ((5, 30), (900, 100)),
        ((250, 750), (400, 600)),
    ],
    ids=["asked for more", "a day's rhythm", "too few look-ups to tell", "it missed most before"],
)
def test_what_misses_no_more_than_it_is_used_to_is_not_lost(
    bad: tuple[float, float], calm: tuple[float, float]
) -> None:
    assert cache_loss(windows(END, signals=counted(bad, calm))) == []


@pytest.mark.parametrize(("bad", "calm"), [((750, 250), (900, 100)), ((150, 850), (400, 600))])
def test_twice_the_misses_are_a_loss_or_where_they_cannot_double_half_of_the_hits_gone(
    bad: tuple[float, float], calm: tuple[float, float]
) -> None:
    assert len(cache_loss(windows(END, signals=counted(bad, calm)))) == 1


def test_a_cache_whose_counter_of_hits_is_gone_with_its_process_is_lost() -> None:
    rows = [row for row in counted((0, 900)) if row["concept"] != "cache_hits" or row["value"]]
    assert [found.component for found in cache_loss(windows(END, signals=rows))] == ["cache"]


def test_a_loss_that_lasts_has_no_end() -> None:
    (found,) = cache_loss(windows(END, signals=counted((100, 900), until=END)))
    assert (found.started_at, found.ended_at) == (at(CALM), None)


def test_a_loss_of_one_scrape_is_none() -> None:
    assert cache_loss(windows(END, signals=counted((100, 900), until=CALM + 1))) == []


def test_clients_of_a_lost_cache_are_known_by_its_service_and_by_its_name() -> None:
    calls = [
        call(0, "shop", "cache", "10.0.0.7"),
        call(0, "cart", "", "cache.example"),
        call(0, "mail", "other", "other.example"),
    ]
    lost = [*counted((100, 900)), *counted((900, 100), name="other")]
    assert clients_of_lost_caches(windows(END, calls, lost)) == {"shop", "cart"}
    assert clients_of_lost_caches(windows(END, calls, counted((900, 100)))) == set()
