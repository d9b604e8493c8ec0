"""A day on which nothing is wrong: rhythm, releases that go well, and blips that nobody needs to hear of.

Twenty-four hours with a day's curve, several deployments, a scaling, an instance that dies and is replaced, a release
that is a little slower, and a minute in which one request in fifty fails: what alerts cry wolf at. Names fail as they
do on any day. Everything is drawn.
"""

from __future__ import annotations

from ..world.draw import Draw
from ..world.estate import Estate
from ..world.interventions import Crash, Intervention, Release, Scale

NAME = "calm-day"


def estate(seed: int) -> Estate:
    """One world of this kind."""
    return calm(Draw(NAME, seed), swing=0.35, releases=8)


def calm(draw: Draw, *, swing: float, releases: int) -> Estate:
    """A day with so great a swing of loads, and so many releases that go well."""
    town = draw.town(headroom=(2.5, 4.0))
    town.loads = [type(load)(load.service, load.rps, swing) for load in town.loads]
    everybody = [*town.fronts, *town.middles]
    events: list[Intervention] = []
    for number in range(releases):
        slow_s = draw.one_of(0.0, 0.0, 0.002)
        events.append(Release(draw.one_of(*everybody), draw.minutes(30, 1400), slow_s=slow_s, version=40 + number))
    for _ in range(3):
        at_s = draw.minutes(30, 1400)
        events.append(Crash(draw.one_of(*everybody), at_s, at_s + draw.minutes(1, 3), share=0.02))
        at_s = draw.minutes(30, 1400)
        events.append(Release(draw.one_of(*everybody), at_s, at_s + 60.0, failing=0.015, version=39))
    events.append(Scale(draw.one_of(*everybody), draw.minutes(300, 900), 1.3, by="autoscaler"))
    return draw.estate(town, duration_s=24 * 3600.0, tick_s=10.0, events=tuple(events))
