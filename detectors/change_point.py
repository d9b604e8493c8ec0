"""Where one rate gave way to another, by maximum likelihood.

(Hinkley and Hinkley, "Inference about the change-point in a sequence of binomial variables", Biometrika 57, 1970.)
"""

from __future__ import annotations

import numpy as np

from .cusum import ALARM
from .series import Floats

LEAST_FACTOR = 1.5
"""Rates that differ by less are within a day's rhythm (as for a surge, see `edges`); by more, a third of what made the
greater one is gone."""


def change_point(happened: Floats, tried: Floats) -> int | None:
    """The first window of the later rate; None where two rates are not as much likelier than one as opens an episode.

    >>> import numpy as np
    >>> change_point(np.array([9.0, 8.0, 9.0, 1.0, 0.0]), np.full(5, 20.0))
    3
    """
    if len(tried) < 2:
        return None
    before = [np.cumsum(values)[:-1] for values in (happened, tried)]
    after = [values.sum() - earlier for values, earlier in zip((happened, tried), before, strict=True)]
    gain = _likelihood(*before) + _likelihood(*after) - _likelihood(happened.sum(), tried.sum())
    at = int(np.argmax(gain))
    return at + 1 if gain[at] > ALARM else None


def _likelihood(happened: Floats, tried: Floats) -> Floats:
    """The logarithm of the greatest likelihood of so many of these."""
    rate = np.clip(np.asarray(happened / np.maximum(tried, 1e-9)), 1e-9, 1 - 1e-9)
    return happened * np.log(rate) + (tried - happened) * np.log(1 - rate)
