"""What tests of several detectors share."""

from __future__ import annotations

import numpy as np
import pytest

from epicenter.detectors.cusum import Running


@pytest.fixture
def stepped(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The windows that any sequential test (`cusum.Running`) takes in, in order."""
    taken: list[int] = []
    step = Running.step

    def counted(running: Running, failed: np.ndarray, tried: np.ndarray) -> None:
        taken.append(running.window)
        step(running, failed, tried)

    monkeypatch.setattr(Running, "step", counted)
    return taken
