"""The shipped rules played over the flagship, once for the tests of this folder."""

from __future__ import annotations

import pytest

from epicenter.rules.files import read_rules
from epicenter.rules.played import Played
from epicenter.rules.prometheus import Prometheus
from epicenter.rules.replay import replay
from epicenter.synthetic import History
from tests.rules.shipped import FILES


@pytest.fixture(scope="session")
def flagship_played(flagship: History, flagship_prometheus: Prometheus) -> list[Played]:
    rules = read_rules([str(path) for path in FILES]).rules
    return replay(rules, flagship_prometheus, flagship.start, flagship.end)
