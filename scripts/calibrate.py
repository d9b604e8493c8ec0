"""Fit the coefficients of `detectors/confidence.json` to the scenario library, and say how honest they are.

    python -m scripts.calibrate [--seeds 3]

Each world is analysed whole and with parts of its telemetry missing, since an analysis of all of it is seldom wrong.
The share of right names is held against the confidence on families of scenarios that the fit has not seen: a family is
all worlds with one kind of root cause, since siblings such as a name's loss with a storm and without teach the same.
"""

from __future__ import annotations

import json
import math
import zlib
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing import get_context

import click
import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import LeaveOneGroupOut, cross_val_predict

from epicenter.collector.model import Windows
from epicenter.detectors.confidence import FITTED, grounds
from epicenter.detectors.diagnosis import failure, look
from epicenter.detectors.waiting import with_waits
from epicenter.scoring.cases import DRAWN, the_mix
from epicenter.scoring.matching import names_root, overlaps
from epicenter.scoring.moments import until
from epicenter.scoring.telemetry import windows_of
from epicenter.synthetic import SCENARIOS, simulate
from epicenter.synthetic.truth import Truth

EARLY_WINDOWS = (3, 8, 30)
"""How many windows after the first failure somebody may look who is on call."""


@dataclass(frozen=True)
class Named:
    """One incident: the family of its world, what was known, and whether it names the true root."""

    family: str
    told: str
    grounds: dict[str, float]
    right: bool


@click.command()
@click.option("--seeds", default=3, show_default=True)
def main(seeds: int) -> None:
    """Fit, write the file, and print how the confidence fares on families left out."""
    worlds = [(name, seed) for seed in range(seeds) for name in SCENARIOS]
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        named = [one for many in pool.map(partial(_named), worlds) for one in many]
    table = pd.DataFrame([one.grounds for one in named])
    right, families = np.array([one.right for one in named]), np.array([one.family for one in named])
    model = LogisticRegression(max_iter=1000)
    unseen = cross_val_predict(
        model, table.to_numpy(), right, groups=families, cv=LeaveOneGroupOut(), method="predict_proba"
    )[:, 1]
    model.fit(table.to_numpy(), right)
    fitted = dict(zip(["intercept", *table.columns], [model.intercept_[0], *model.coef_[0]], strict=True))
    kept = {
        "fitted_to": {"scenarios": len(SCENARIOS), "seeds": seeds, "incidents": len(named)},
        "coefficients": {name: round(float(value), 3) for name, value in fitted.items()},
        "on_families_left_out": _shares(unseen, right),
    }
    FITTED.write_text(json.dumps(kept, indent=2) + "\n")
    click.echo(FITTED.read_text())


def _shares(confidence: np.ndarray[tuple[int], np.dtype[np.float64]], right: np.ndarray[tuple[int]]) -> list[object]:
    """How many incidents were named with a confidence of so much, and the share that was right."""
    edges = [0.0, 0.5, 0.8, 0.9, 1.0]
    told = pd.cut(confidence, edges, right=False).astype(str)
    frame = pd.DataFrame({"confidence": told, "right": right, "said": confidence})
    rows = frame.groupby("confidence").agg(incidents=("right", "size"), right=("right", "mean"), said=("said", "mean"))
    return [{"confidence": name, **row} for name, row in rows.round(3).to_dict("index").items()]


def _named(world: tuple[str, int]) -> list[Named]:
    name, seed = world
    history = simulate(name, seed=seed)
    windows, _ = windows_of(history, seed=seed, mix=the_mix(DRAWN, name, seed))
    rng = np.random.default_rng([zlib.crc32(name.encode()), seed])
    truth = history.truth
    return [one for told, part in _parts(windows, truth, rng) for one in _incidents(told, part, truth)]


def _incidents(told: str, windows: Windows, truth: Truth) -> Iterator[Named]:
    windows, graph, findings, found = look(windows)
    failed = [failure(windows, graph, group) for group in found]
    for each in with_waits(windows, graph, findings, failed, -math.inf):
        if each.top is not None:
            right = overlaps(truth, each.incident) and names_root(truth, each.incident.trigger)
            yield Named(truth.root_kind or "calm", told, grounds(windows, each.top), right)


def _parts(windows: Windows, truth: Truth, rng: np.random.Generator) -> Iterator[tuple[str, Windows]]:
    """The telemetry of the world, and parts of it such as estates have."""
    yield "all", windows
    no_changes = {"changes": windows.changes.iloc[:0]}
    yield "metrics alone", replace(windows, calls=windows.calls.iloc[:0], texts=windows.texts.iloc[:0], **no_changes)
    yield "traces alone", replace(windows, signals=windows.signals.iloc[:0], **no_changes)
    no_dns = windows.signals[~windows.signals["concept"].str.startswith("dns_")]
    yield "nothing of resolvers", replace(windows, signals=no_dns, **no_changes)
    clients = windows.calls["client"].unique()
    for also in ({}, {"signals": windows.signals.iloc[:0], **no_changes}):
        spared = clients[rng.random(len(clients)) < 0.5]
        yield (
            "half of the services",
            replace(windows, calls=windows.calls[windows.calls["client"].isin(spared)], **also),
        )
    if truth.incident:
        for count in EARLY_WINDOWS:
            yield "early", until(windows, truth.incident[0] + (count + 1) * windows.window_s)


if __name__ == "__main__":
    main()
