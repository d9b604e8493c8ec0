"""How long decoders are fuzzed: a moment in each run of the tests, and FUZZ times as long in `make fuzz`."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import timedelta
from typing import Any, TypeVar

import pytest
from hypothesis import settings

TIMES = "EPICENTER_FUZZ"
"""The environment's name for how many times as long."""

HANGS = timedelta(seconds=20)
"""A decoder that takes so long for a few hundred bytes hangs; a busy machine does not."""

_Test = TypeVar("_Test", bound=Callable[..., Any])


def fuzzed(examples: int) -> Callable[[_Test], _Test]:
    """A property that is tried on so many examples, or on so many times more of them."""
    most = examples * int(os.environ.get(TIMES, "1"))

    def marked(test: _Test) -> _Test:
        return pytest.mark.fuzz(settings(max_examples=most, deadline=HANGS)(test))

    return marked
