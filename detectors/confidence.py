"""How sure the trigger is: of incidents with such grounds, the share that was rightly named in the scenario library.

A logistic regression on three grounds, fitted by `scripts/calibrate.py` to analyses of the library with all and with
parts of their telemetry, and cross-validated by family: the share is that of scenarios that the fit has not seen
(docs/accuracy.md).
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path

from ..collector.model import Windows
from .base import HORIZON, MOSTLY
from .edges import users_flat
from .kinds import rewritten
from .metric_times import mean_alone
from .resolver import UNKNOWN
from .suspects import Suspect

CACHES = ("cache_hits", "cache_misses")

FITTED = Path(__file__).with_name("confidence.json")
_COEFFICIENTS: Mapping[str, float] = json.loads(FITTED.read_text())["coefficients"]


def grounds(windows: Windows, top: Suspect) -> dict[str, float]:
    """What a confidence is made of, each between 0 and 1.

    explained: the certainty of the suspect. known: the same where it is known what ails it, else 0. traced: the same
    where spans tell of calls, else 0: they know both ends of each, counters one. A known kind and spans only add to
    what there is to explain: by themselves they make nobody guilty.
    """
    traced = (windows.calls["example_trace"] != "").any()
    return {
        "explained": top.certainty,
        "known": top.certainty * _known(windows, top),
        "traced": top.certainty * float(traced),
    }


def _known(windows: Windows, top: Suspect) -> bool:
    """Whether it is known what ails the suspect.

    It is not where calls are lost on the way to it, since nothing shows what stands there; nor where ever more of them
    are and nobody told of its record; nor where nothing tells which resolver it is; nor where callers ask it for more
    whose users do not, and no cache is seen that may have kept load from it until then; nor where it is slow by nothing
    but the mean of its own counter.
    """
    onset = float(windows.start if top.onset is None else top.onset)
    if top.how == "unreached" and top.kind in ("network_congestion", "dns.stale_record"):
        return top.kind == "dns.stale_record" and rewritten(windows, top, onset)
    if top.kind == "overload" and top.how != "behind" and windows.concepts.keys().isdisjoint(CACHES):
        since = int((onset - windows.start) // windows.window_s)
        return bool(users_flat(windows)[since : since + HORIZON].mean() <= MOSTLY)
    if top.kind == "slow" and mean_alone(windows, top.service or top.component):
        return False
    return top.kind != "unknown" and top.component != UNKNOWN


def confidence(windows: Windows, top: Suspect) -> float:
    """The share, between 0 and 1, to three digits; 0 where a suspect explains nothing."""
    if not top.certainty:
        return 0.0
    told = {"intercept": 1.0, **grounds(windows, top)}
    return round(1.0 / (1.0 + math.exp(-sum(_COEFFICIENTS[name] * value for name, value in told.items()))), 3)
