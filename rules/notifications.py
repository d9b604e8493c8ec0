"""What is left of a world's firings once Alertmanager has grouped and inhibited them.

Which alerts form a group and which are inhibited is asked of a real Alertmanager at every moment at which something
begins or ceases to fire; its waits would take hours, and are played here (dispatch.go and DedupStage of 0.25).
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from .alertmanager import Config, Key, Route, alertmanager
from .results import Backtest
from .verdicts import Judged, Verdict


@dataclass(frozen=True)
class Notifications:
    """The notifications of one world, by its scenario's name.

    sent: those about something new; repeated: those that only repeat. firings: what they were made of; inhibited: of
    these, how many label sets were inhibited at any time. first_s: from the onset to the first notification;
    by_receiver: receiver -> how many of `sent`;
    on_cause: share of `sent` that name the cause, 0 to 1. None where there is nothing to count, or no known cause.
    """

    scenario: str
    sent: int
    repeated: int
    firings: int
    inhibited: int
    by_receiver: dict[str, int]
    first_s: float | None
    on_cause: float | None


@dataclass(frozen=True)
class Sent:
    """One notification: when, of which alerts that are firing, and whether it only repeats."""

    at: float
    alerts: frozenset[Key]
    repeats: bool


def notifications(result: Backtest, config: Config) -> Notifications:
    """Play the firings of one world through Alertmanager; MissingTool, UnreadableInput, Unreachable."""
    firings = [(_key(verdict, one), verdict.interval_s, one) for verdict in result.verdicts for one in verdict.firings]
    stretches = [(key, one.firing.start, one.firing.end + interval_s) for key, interval_s, one in firings]
    times = sorted({at for _, start, end in stretches for at in (start, end)})
    fire = [frozenset(key for key, start, end in stretches if start <= at < end) for at in times]
    with alertmanager(config) as server:
        inhibited = list(server.moments(fire))
        places = server.groups({key for key, _, _ in firings})
    members: dict[tuple[int, Key], set[Key]] = defaultdict(set)
    for key, found in places.items():
        for place in found:
            members[place].add(key)
    sent = [
        (config.routes[number].receiver, one)
        for (number, _), keys in sorted(members.items())
        for one in flushes(
            config.routes[number],
            times,
            [now & keys for now in fire],
            [(now - mute) & keys for now, mute in zip(fire, inhibited, strict=True)],
        )
    ]
    new = [one for _, one in sent if not one.repeats]
    causes = {key for key, _, one in firings if one.kind == "cause"}
    onset = None if result.truth is None else result.truth.trigger_start
    later = [one.at for one in new if onset is not None and one.at >= onset]
    return Notifications(
        *(result.scenario, len(new), len(sent) - len(new), len(firings), len(frozenset().union(*inhibited))),
        by_receiver=dict(sorted(Counter(receiver for receiver, one in sent if not one.repeats).items())),
        first_s=min(later) - onset if later and onset is not None else None,
        on_cause=sum(not causes.isdisjoint(one.alerts) for one in new) / len(new)
        if new and onset is not None
        else None,
    )


def flushes(
    route: Route, times: Sequence[float], present: Sequence[frozenset[Key]], told: Sequence[frozenset[Key]]
) -> Iterator[Sent]:
    """The notifications of one group.

    times: moments of change in Unix seconds; present, told: the group's alerts from each of them on, with and without
    those that are inhibited.
    """
    last: frozenset[Key] = frozenset()
    last_at = reached = float("-inf")
    for at, now in zip(times, present, strict=True):
        if not now or at <= reached:
            continue
        flush = at + route.wait_s
        while present[(moment := bisect_right(times, flush) - 1)]:
            firing = told[moment]
            if route.mutes.holds(flush):
                pass  # and it is not remembered as told: what still fires afterwards is
            elif firing - last or (firing and flush - last_at >= route.repeat_s):
                yield Sent(flush, firing, repeats=not firing - last)
                last, last_at = firing, flush
            elif not firing:
                last = frozenset()
            flush += route.interval_s
        last, reached = frozenset(), flush


def _key(verdict: Verdict, one: Judged) -> Key:
    return tuple(sorted({**one.firing.labels, "alertname": verdict.name}.items()))
