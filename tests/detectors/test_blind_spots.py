"""What an analysis could not know is told."""

from __future__ import annotations

import pytest

from epicenter.detectors import analyze
from tests.detectors.frames import SUMMARY, windows
from tests.detectors.stories import calm, name_gone

TOLD = "75% of the requests of users of shop failed from the beginning of the data on"


@pytest.mark.parametrize("begun", [0, 20])
def test_an_outage_that_began_before_the_data_is_not_passed_over_in_silence(begun: int) -> None:
    seen = analyze(windows(60, [*calm(0, begun), *name_gone(begun, 40), *calm(40, 60)]), SUMMARY)
    assert len(seen.incidents) == (begun > 0)
    assert any(spot.statement.startswith(TOLD) for spot in seen.blind_spots) == (begun == 0)
