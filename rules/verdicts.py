"""Firings of an alert against what really happened: on the cause, on a symptom, on the loop, or for nothing."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from ..synthetic.truth import Truth
from .needs import There, missing, moves, tells_of_absence
from .played import Firing, Played

Kind = Literal[
    "cause", "symptom", "loop", "early", "false_alarm", "quiet", "untestable", "unattributed", "fired", "refused"
]
ORDER: tuple[Kind, ...] = ("cause", "early", "loop", "symptom", "unattributed", "false_alarm", "fired")
"""The better of two firings makes the verdict on a rule."""
TRUE: tuple[Kind, ...] = ("cause", "early", "loop", "symptom")
"""What a firing is on where it tells of the outage."""
DETECTS: tuple[Kind, ...] = ("cause", "loop", "symptom")
"""What a firing is on where it tells of the outage while it lasts."""
EARLY_S = 7200.0
"""So long before the trigger an alert on the root component may be a forewarning (assumed)."""
AFTER_S = 3600.0
"""So long after the last recovery windows of rules still hold what happened (assumed)."""
_POD = re.compile(r"-[0-9a-f]{5,10}-[0-9a-z]{5}$|-\d+$")
_BALANCER = re.compile(r"(?:^|[:/])(?:app|net|gwy|targetgroup)/([^/]+)(?:/[0-9a-f]+)?$")
"""What CloudWatch and the end of an ARN call a load balancer or a group of targets."""
_FUNCTION = re.compile(r"^arn:aws[\w-]*:lambda:[^:]*:[^:]*:function:([^:]+)")
"""The name of a Lambda function, before its version or alias."""
_CLUSTER = re.compile(r"^(?:in|out)bound\|\d*\|[^|]*\|")
"""Direction, port and subset, before the host in the name that Istio gives a cluster of Envoy's."""


@dataclass(frozen=True)
class Judged:
    """One firing and what it was on; `component` in the truth's words, "" where no label names one."""

    kind: Kind
    component: str
    firing: Firing


@dataclass(frozen=True)
class Verdict:
    """What a rule was worth in one world.

    to_detect_s, after_impact_s: from the true onset, and from the first user-visible failure, to the first firing on
    cause, loop or symptom; good to one interval of the group. needs: the metrics that the world does not have.
    still: it is quiet and was not even pending, and nothing that it reads changes there.
    """

    name: str
    group: str
    file: str
    line: int
    interval_s: float
    kind: Kind
    absence: bool
    needs: tuple[str, ...]
    still: bool
    refused: str | None
    to_detect_s: float | None
    after_impact_s: float | None
    flaps: int
    firings: tuple[Judged, ...]


def judge(
    played: Played, truth: Truth | None, components: Mapping[str, str], there: There, moving: There | None = None
) -> Verdict:
    """The verdict on one alert; without a truth, that it fired. components: every name that one goes by -> the one.

    moving: what of `there` changes at all; None where nobody knows.
    """
    rule = played.rule
    needs = tuple(sorted(missing(rule.expr, there)))
    judged = tuple(
        Judged("fired", "", firing) if truth is None else _judge(firing, truth, components) for firing in played.firings
    )
    kinds: set[Kind] = {one.kind for one in judged}
    kind: Kind = min(kinds, key=ORDER.index) if kinds else "quiet"
    if played.refused is not None:
        kind = "refused"
    elif needs:
        kind, judged = "untestable", ()
    still = kind == "quiet" and not played.series and moving is not None and not moves(rule.expr, moving)
    told = [one.firing.start for one in judged if one.kind in DETECTS]
    onset = None if truth is None else truth.trigger_start
    impact = None if truth is None else _impact(truth)
    return Verdict(
        *(
            rule.name,
            rule.group,
            rule.file,
            rule.line,
            rule.interval_s,
            kind,
            tells_of_absence(rule.expr),
            needs,
            still,
        ),
        refused=played.refused,
        to_detect_s=min(told) - onset if told and onset is not None else None,
        after_impact_s=min(told) - impact if told and impact is not None else None,
        flaps=len(judged) - len({tuple(sorted(one.firing.labels.items())) for one in judged}),
        firings=judged,
    )


def components_of(truth: Truth, services: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Every name -> its component: services by themselves and by their hosts, the root by its aliases.

    The host that broke is the root component, and its service is too. What a component is called is no other's, and
    what several go by is nobody's.
    """
    root = dict.fromkeys((truth.root_component, *truth.root_aliases), truth.root_component)
    claimed: dict[str, list[str]] = {}
    for service, hosts in services.items():
        for host in hosts:
            claimed.setdefault(host, []).append(service)
    hosts_of = {host: by[-1] for host, by in claimed.items() if len({root.get(one, one) for one in by}) == 1}
    names = {**hosts_of, **{service: service for service in services}, **root}
    names.pop("", None)
    return names


def _impact(truth: Truth) -> float | None:
    """When users first failed."""
    return next((phase.start for phase in truth.phases if phase.name == "users affected"), None)


def _judge(firing: Firing, truth: Truth, components: Mapping[str, str]) -> Judged:
    named = {found for value in firing.labels.values() if (found := _component(value, components))}
    root = truth.root_component
    own = dict.fromkeys((root, *truth.root_aliases), root)
    forewarns = any(_component(value, own) for value in firing.labels.values())
    kind, component = _kind(firing, truth, named, forewarns=forewarns)
    return Judged(kind, component or (root if root in named else min(named, default="")), firing)


def _kind(firing: Firing, truth: Truth, named: set[str], *, forewarns: bool) -> tuple[Kind, str]:
    """forewarns: a label has the root's own name, not that of what has a part in the outage once it goes on."""
    if truth.trigger_start is None:
        return "false_alarm", ""
    start, end = truth.span
    root = truth.root_component
    if firing.start < start:
        is_early = forewarns and firing.start >= start - EARLY_S
        return ("early", root) if is_early else ("false_alarm", "")
    if firing.start > end + AFTER_S:
        return "false_alarm", ""
    looping = {name for edge in truth.storm_edges for name in edge} & named
    if looping and truth.storm_start is not None and _within(firing.start, truth.storm_start, truth.storm_end):
        return "loop", min(looping)
    if root in named:
        return "cause", root
    hit = [name for name in sorted(named) if truth.affected.get(name, float("inf")) <= firing.end]
    return ("symptom", hit[0]) if hit else ("unattributed", "")


def _within(at: float, start: float, end: float | None) -> bool:
    return start <= at and (end is None or at <= end)


def _component(value: str, components: Mapping[str, str]) -> str:
    """A label's value as it is, as a host without its port or the host of a URL, as a pod without its suffix, as
    Traefik names a service, with the provider that told it of it, as AWS names a balancer or a function, or as Istio a
    cluster."""
    host = _CLUSTER.sub("", value)
    bare = host.split("://")[-1].split("/")[0].rsplit(":", 1)[0].split("@")[0].rstrip(".")
    aws = (_BALANCER.search(value) or _FUNCTION.match(value)) if "://" not in value else None
    for name in (value, bare, _POD.sub("", bare), aws[1] if aws else ""):
        if name in components:
            return components[name]
    return ""
