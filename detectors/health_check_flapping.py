"""Health-check flapping: targets go in and out of service again and again, and healthy capacity goes with them.

A target that really fails goes out once and stays out. Flapping is a loop of its own: each flip is work for the
checker, late checks look like failures, and fail-over takes healthy zones away. Seen in the network load balancers on
20 October 2025 (AWS post-event summary), where new targets entered service before their network state had arrived.
"""

from __future__ import annotations

import numpy as np

from ..collector.model import Windows
from .base import Evidence, Finding
from .queries import sql
from .series import Flags, Floats, Table, concept, gauge, tally
from .stretches import span_of, stretches

SPAN_S = 300.0
"""Flips are counted over five minutes: ten checks at the usual interval of 30 s."""

USUAL_FLIPS = 1.0
"""A balancer without history is taken to see one flip in that time: a deploy or a restart."""

SIGMAS = 6.0
"""Flips of healthy targets are rare and independent, hence Poisson: six standard deviations above the usual count
come by chance less than once in a million spans."""


def health_check_flapping(windows: Windows) -> list[Finding]:
    """Find load balancers whose targets change between healthy and unhealthy far more often than usual."""
    flips = _flips(windows)
    span = max(1, round(SPAN_S / windows.window_s))
    found: list[Finding] = []
    for row, component in enumerate(flips.names("component")):
        many, usual = _many(flips["value"][row], span)
        found += [
            _finding(windows, component, flips["value"][row], usual, run, span)
            for run in stretches(many, gap=2 * span, least=2)
        ]
    return found


def _flips(windows: Windows) -> Table:
    """Flips per balancer and window: as counted by the balancer, else turns of its number of healthy targets."""
    counted = concept(windows, "health_flips")
    if not counted.empty:
        return tally(windows, counted, ("component",), ("value",))
    zones = gauge(windows, concept(windows, "healthy_hosts"), ("component", "item"))
    change = np.sign(np.diff(np.nan_to_num(zones["value"]), axis=1, prepend=0.0, append=0.0))
    turns = (change[:, 1:] * change[:, :-1] < 0).astype(float)
    owners = zones.keys[["component"]].drop_duplicates(ignore_index=True)
    rows = [turns[(zones.keys["component"] == owner).to_numpy()].sum(axis=0) for owner in owners["component"]]
    return Table(owners, {"value": np.array(rows).reshape(len(owners), turns.shape[1])})


def _many(flips: Floats, span: int) -> tuple[Flags, float]:
    """Windows up to which a span saw far more flips than usual, and what is usual (in the quietest quarter)."""
    sums = np.convolve(flips, np.ones(span))[: len(flips)]
    usual = max(USUAL_FLIPS, float(np.quantile(sums, 0.25)))
    many = sums > usual + SIGMAS * np.sqrt(usual)
    return many & (flips > 0), usual


def _finding(windows: Windows, component: str, flips: Floats, usual: float, run: tuple[int, int], span: int) -> Finding:
    start, end = span_of(windows, run, gap=2 * span)
    until = float(windows.end) if end is None else end
    total = float(flips[slice(*run)].sum())
    per_span = total / (run[1] - run[0]) * span
    evidence = Evidence(
        statement=f"targets of {component} changed between healthy and unhealthy {total:.0f} times, "
        f"{per_span:.0f} in five minutes where {usual:.0f} is usual",
        query=sql("signals", "item, value", (start, until), component=component, concept="health_flips"),
        window=(start, until),
        observed=per_span,
        expected=usual,
    )
    return Finding(
        detector="health_check_flapping",
        kind="health_check_flapping",
        component=component,
        started_at=start,
        ended_at=end,
        score=1.0 - usual / max(per_span, usual),
        evidence=(evidence, *_capacity(windows, component, (start, until))),
    )


def _capacity(windows: Windows, component: str, span: tuple[float, float]) -> tuple[Evidence, ...]:
    """What flapping cost: the least healthy capacity in its time against the most before."""
    rows = concept(windows, "healthy_hosts")
    rows = rows[rows["component"] == component]
    total = rows.groupby("window")["value"].sum()
    before, during = total[total.index < span[0]], total[(total.index >= span[0]) & (total.index < span[1])]
    if before.empty or during.empty:
        return ()
    usual, least = float(before.median()), float(during.min())
    return (
        Evidence(
            statement=f"{component} had {least:.0f} healthy targets at the least, {usual:.0f} before",
            query=sql("signals", "item, value", span, component=component, concept="healthy_hosts"),
            window=span,
            observed=least,
            expected=usual,
        ),
    )
