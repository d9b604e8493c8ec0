"""What users met, counted by the requests that came in from outside."""

from __future__ import annotations

from dataclasses import replace

import pytest

from epicenter.detectors.gate import entered
from tests.detectors.frames import call, windows


@pytest.mark.parametrize("scale", [1.0, 0.01])
def test_users_bear_their_share_of_the_failures_also_where_counters_are_scaled(scale: float) -> None:
    seen = windows(1, [call(0, "", "shop", attempts=20, entries=10, errors_server=8)])
    scaled = {name: seen.calls[name] * scale for name in ("attempts", "entries", "errors")}
    rows = entered(replace(seen, calls=seen.calls.assign(**scaled)))
    assert rows["failed"].tolist() == pytest.approx([4 * scale])
