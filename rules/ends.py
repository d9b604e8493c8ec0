"""Where the series of a recorded world end: the scrape that misses one marks it, and recordings keep no marks."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .write import STALE, Floats, Series


def ended(series: Sequence[Series], scrapes: Floats) -> list[Series]:
    """With a mark at the first scrape that has no sample of a series any more; all are scraped at the same moments.

    scrapes: these moments in Unix seconds, ascending, also those that find none of these series.
    Without a mark Prometheus counts a series as there for five more minutes.
    """
    return [_marked(one, scrapes) for one in series]


def _marked(one: Series, scrapes: Floats) -> Series:
    after = np.searchsorted(scrapes, one.times) + 1  # the scrape that follows each sample
    last = np.append(np.diff(after) > 1, True) & (after < len(scrapes))
    if not last.any():
        return one
    where = np.flatnonzero(last) + 1
    return Series(
        one.labels,
        np.insert(one.times, where, scrapes[after[last]]),
        np.insert(one.values, where, STALE),
    )
