"""Writes of a record that may be why calls by its name fail: made before they did, and by nobody who always writes.

A controller that writes the same record every minute has written it shortly before anything that happens. A fail-over
writes it because something failed. Neither is a cause.
"""

from __future__ import annotations

from collections.abc import Collection
from math import expm1, sqrt

import numpy as np

from ..collector.model import Windows
from .cusum import ENOUGH
from .metric_calls import from_metrics
from .record_writes import Write, by_target, writes
from .series import Flags, calls_over, concept_of

CLOCKS_S = 5.0
"""Changes and calls are dated by different clocks, of which some are seconds off, and whoever writes a record may tell
of it when it is done: a write dated so much later may still have come first."""

BY_CHANCE = 0.05
"""Who writes so often that a stretch as long as the one in question holds a write by chance once in twenty times proves
nothing by one: the usual level of a test."""

NEXT = 2
"""Windows after the first that tell how many of the calls are lost once all of a window is: few, since caches expire
and pools run out one by one, so that later ones lose more for a reason of their own."""

LOST = ("errors_connect", "errors_deadline", "errors_other")
"""How calls to an address fail at which nobody is."""


def just_written(windows: Windows, names: Collection[str], since: float, until: float, horizon_s: float) -> list[Write]:
    """Writes of records of these names from `since` up to `until` (Unix seconds) that may be a cause.

    horizon_s: how long before a write a fail-over of one of the names makes the write an effect of that.
    """
    changes = windows.changes
    told = (changes["Kind"] == "failover") & changes["Target"].isin(names)
    turned = changes.loc[told, "time"].tolist()
    found: list[Write] = []
    for target, made in by_target(writes(windows)).items():
        near = [at for at, write in enumerate(made) if target in names and since <= write.time <= until]
        made_anew = [made[at] for at in near if not _usual(made, at, (windows.start, since, until))]
        found += [w for w in made_anew if not any(w.time - horizon_s < t <= w.time + CLOCKS_S for t in turned)]
    return found


def _usual(made: list[Write], at: int, times: tuple[float, float, float]) -> bool:
    """Whether a write is one of those that its writer makes all the time, and neither by hand nor of an older plan.

    made: of one record, in order of time. times: the start of the data, and from and until when writes are looked for.
    One earlier write may tell of the record as it was.
    """
    start, since, until = times
    write, before = made[at], made[:at]
    newest = max((one.generation for one in before), default=-1)
    earlier = sum(one.actor == write.actor and one.time < since for one in before)
    if write.by_hand or -1 < write.generation < newest or earlier <= 1:
        return False
    known_s = since - min(start, before[0].time)
    return -expm1(-earlier * (until - since) / known_s) >= BY_CHANCE


def shrunk(windows: Windows, write: Write) -> bool:
    """Whether a write left its record fewer addresses than the one before it."""
    told = [one for one in by_target(writes(windows))[write.target] if not one.deletes]
    before = told[max(told.index(write) - 1, 0)]
    return -1 < write.answers < before.answers


def too_late(windows: Windows, about: Flags, onset: float, time: float) -> bool:
    """Whether more calls were lost in the window of the onset than can be since `time` (Unix seconds).

    about: [edges] which are calls to the node. Changes are told to the second and calls by the window: if calls are
    lost since some moment within it, the window lacks as much of the share of the next ones as it was over by then.
    Only spans tell: what counters count between two scrapes may belong to a window before.
    """
    end = onset + windows.window_s
    lost, made = _lost(windows, about, onset, end)
    after = _lost(windows, about, end, end + NEXT * windows.window_s)
    share = max(after[0] / after[1] if after[1] else 1.0, lost / max(made, 1.0))
    left = min(1.0, max(0.0, end - time + CLOCKS_S) / windows.window_s)
    expected = share * made * left
    return lost - expected >= max(ENOUGH, 2.0 * sqrt(expected))


def _lost(windows: Windows, about: Flags, start: float, end: float) -> tuple[float, float]:
    """Requests that nobody answered, and all that were made: attempts of one request are lost together."""
    spans = (~from_metrics(windows)).to_numpy(np.bool_)
    rows = calls_over(windows, about, ["attempts", "originals", "answered", *LOST], start, end, where=spans)
    made, tries = float(rows["originals"].sum()), float(rows["attempts"].sum())
    lost = float(rows.loc[rows["answered"] == 0, list(LOST)].to_numpy(np.float64).sum())
    return (lost * made / tries if tries else 0.0), made


def probed_alike(windows: Windows, names: Collection[str], during: tuple[float, float]) -> bool:
    """Whether all these names are probed, and none got a number of addresses that it had not got before."""
    rows = concept_of(windows, "dns_answers", names)
    known = rows[rows["window"] < during[0]].groupby(["component", "item"])["value"].agg(["min", "max"])
    now = rows[(rows["window"] >= during[0]) & (rows["window"] < during[1])]
    if not names or set(now["component"]) != set(names):
        return False
    before = known.reindex(list(zip(now["component"], now["item"], strict=True)))
    value = now["value"].to_numpy(np.float64)
    return bool(((before["min"].to_numpy() <= value) & (value <= before["max"].to_numpy())).all())
