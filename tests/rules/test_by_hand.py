"""Verdicts that docs/backtest.md counts by hand: its figures are those of the raw samples, and what fires agrees.

The rules are our own, on what the alerts of the page watch.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from epicenter.rules.files import read_rules
from epicenter.rules.verdicts import Verdict
from epicenter.rules.worlds import SCRAPE_S, over, series_of
from epicenter.rules.write import Series
from tests.programs import require
from tests.simulated import simulated

RULES = Path(__file__).with_name("by_hand.yml")
PAGE = (Path(__file__).parents[2] / "docs" / "backtest.md").read_text(encoding="utf-8")
PART = PAGE.split("## Three verdicts by hand\n")[1].split("\n## ")[0]
WINDOW_S = 300.0


@cache
def verdicts(scenario: str) -> Mapping[str, Verdict]:
    require("prometheus")
    return {one.name: one for one in over(read_rules([str(RULES)]).rules, simulated(scenario)).verdicts}


@cache
def samples(scenario: str) -> Sequence[Series]:
    return series_of(read_rules([str(RULES)]).rules, simulated(scenario), SCRAPE_S)


def increase(scenario: str, name: str, after_s: float, **labels: str) -> float:
    """The last sample of the window less its first, over the resolvers' series with these labels; no PromQL."""
    labels = {"__name__": name, "job": "kube-dns", **labels}
    at = simulated(scenario).truth.trigger[0] + after_s
    total = 0.0
    for one in samples(scenario):
        if labels.items() <= one.labels.items():
            within = one.values[(one.times >= at - WINDOW_S) & (one.times <= at)]
            total += within[-1] - within[0]
    return total


def table(alert: str) -> list[list[str]]:
    """The cells of the table below the alert's name on the page, without its head."""
    below = PART.split(f"**{alert}**")[1].split("\n\n")[1]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in below.splitlines()[2:]]


def seconds(cell: str) -> float:
    return number(cell.removesuffix(" s"))


def number(cell: str) -> float:
    return float(cell.replace(",", ""))


def fired(scenario: str, alert: str) -> list[tuple[str, str, float, float]]:
    onset = simulated(scenario).truth.trigger[0]
    found = verdicts(scenario)[alert].firings
    return [(one.kind, one.component, one.firing.start - onset, one.firing.end - onset) for one in found]


def test_the_share_of_servfail_and_when_it_fires() -> None:
    world, rows = "dns-servfail-partial", table("CoreDNSErrorsHigh")
    for row in rows:
        failed, answers = (
            increase(world, "coredns_dns_responses_total", seconds(row[0]), **labels)
            for labels in ({"rcode": "SERVFAIL"}, {})
        )
        assert [round(failed), round(answers)] == [number(cell) for cell in row[1:3]]
        share = float(row[3].partition("%")[0])
        assert 100 * failed / answers == pytest.approx(share, abs=0.1 if share > 1 else 0.01)
    first, last = (seconds(row[0]) for row in rows if ": fires" in row[3])
    root = simulated(world).truth.root_component
    assert fired(world, "ResolversAnswerServfail") == [("cause", root, first, last)]
    told = re.search(r"with the value ([0-9.]+)", PART)
    assert told is not None
    value = verdicts(world)["ResolversAnswerServfail"].firings[0].firing.value
    assert value == pytest.approx(float(told[1]), abs=5e-5)


def test_the_percentile_of_what_is_forwarded_and_when_it_fires() -> None:
    world, rows = "dns-servfail-partial", table("CoreDNSForwardLatencyHigh")
    name, bounds = "coredns_forward_request_duration_seconds_bucket", ("+Inf", "0.512", "8.192")
    for row in rows:
        forwarded, below_half, below_all = (increase(world, name, seconds(row[0]), le=le) for le in bounds)
        told = [round(forwarded), round(0.99 * forwarded), round(below_half), round(below_all)]
        assert told == [number(cell) for cell in row[1:5]]
        quick = row[5].startswith("below 0.512 s")
        assert (quick, not quick) == (0.99 * forwarded <= below_half, 0.99 * forwarded > below_all)
    first, last = (seconds(row[0]) for row in rows if ": fires" in row[5])
    root = simulated(world).truth.root_component
    assert fired(world, "UpstreamIsSlow") == [("cause", root, first, last)]
    assert verdicts(world)["UpstreamIsSlow"].firings[0].firing.value == pytest.approx(8.192)


def test_pods_that_wait_in_a_crash_loop_and_when_it_fires() -> None:
    told = re.search(
        r"In `([\w-]+)` (\w+) pods of `([\w-]+)`\ndo, in every sample from (\d+) s to (\d+) s .*?"
        r"first evaluation that sees one is at (\d+) s.*?it fires at (\d+) s.*?ends at ([0-9,]+) s",
        PART,
        re.DOTALL,
    )
    assert told is not None
    world, pods, service, *times = told.groups()
    begins, ends, seen, fires, ceases = map(number, times)
    onset = simulated(world).truth.trigger[0]
    waiting = [
        one for one in samples(world) if one.labels.get("reason") == "CrashLoopBackOff" and (one.values > 0).any()
    ]
    assert (len(waiting), pods) == (3, "three")
    for one in waiting:
        assert one.labels["pod"].startswith(f"{service}-")
        at = one.times[one.values > 0] - onset
        assert (at[0], at[-1]) == (begins, ends)
        assert np.diff(at).max() == SCRAPE_S
    assert fires - seen == 900.0
    assert fired(world, "PodWaitsToBeStartedAgain") == [("cause", service, fires, ceases)] * 3
    assert not verdicts("dns-servfail-partial")["PodWaitsToBeStartedAgain"].firings
