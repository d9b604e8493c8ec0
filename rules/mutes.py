"""Times at which a route tells nobody, as `time_intervals` of an `alertmanager.yml` give them.

Source: timeinterval.go and TimeMuteStage of Alertmanager 0.25.
"""

from __future__ import annotations

import calendar
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_DAYS = ("sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday")
_MONTHS = tuple(name.lower() for name in calendar.month_name)
_Ranges = tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Interval:
    """A time belongs to it that is in one of the ranges of each kind that has any, first and last included.

    minutes: of the day. weekdays: 0 is Sunday. days: of the month, below 0 from its end.
    zone: whose clock it is, `Local` for that of this machine.
    """

    minutes: _Ranges = ()
    weekdays: _Ranges = ()
    days: _Ranges = ()
    months: _Ranges = ()
    years: _Ranges = ()
    zone: str = "UTC"

    def holds(self, at: float) -> bool:
        """Whether the Unix second belongs to it."""
        now = datetime.fromtimestamp(at, UTC).astimezone(_clock(self.zone))
        length = calendar.monthrange(now.year, now.month)[1]
        days = tuple((_day(first, length), _day(last, length)) for first, last in self.days)
        found = (
            (now.hour * 60 + now.minute, self.minutes),
            (now.isoweekday() % 7, self.weekdays),
            (now.day, days),
            (now.month, self.months),
            (now.year, self.years),
        )
        return all(not ranges or any(first <= is_ <= last for first, last in ranges) for is_, ranges in found)


@dataclass(frozen=True)
class Mutes:
    """Of a route: when it is mute, and when alone it is not; None: at any time."""

    mute: tuple[Interval, ...] = ()
    active: tuple[Interval, ...] | None = None

    def holds(self, at: float) -> bool:
        """Whether it is mute at the Unix second."""
        asleep = self.active is not None and not any(one.holds(at) for one in self.active)
        return asleep or any(one.holds(at) for one in self.mute)


def read_intervals(told: Mapping[str, Any]) -> dict[str, tuple[Interval, ...]]:
    """The named intervals of a configuration; ValueError with a sentence where they are none."""
    try:
        named = [*(told.get("time_intervals") or ()), *(told.get("mute_time_intervals") or ())]
        return {str(one["name"]): tuple(map(_interval, one["time_intervals"])) for one in named}
    except KeyError as error:
        raise ValueError(f"there is no {error}") from error
    except (TypeError, AttributeError) as error:
        raise ValueError(f"they are of other types than Alertmanager's ({error})") from error


def mutes_of(route: Mapping[str, Any], intervals: Mapping[str, tuple[Interval, ...]]) -> Mutes:
    """A route's own, which those below it do not inherit; ValueError for an interval that has no definition."""

    def named(names: Iterable[str]) -> tuple[Interval, ...]:
        unknown = [name for name in names if name not in intervals]
        if unknown:
            raise ValueError(f"nothing defines the time interval {unknown[0]!r}")
        return tuple(one for name in names for one in intervals[name])

    active = route.get("active_time_intervals")
    return Mutes(named(route.get("mute_time_intervals") or ()), named(active) if active else None)


def _interval(told: Mapping[str, Any]) -> Interval:
    zone = str(told.get("location") or "UTC")
    _clock(zone)
    # the end of a time does not belong to it
    minutes = tuple((_minute(one["start_time"]), _minute(one["end_time"]) - 1) for one in told.get("times") or ())
    return Interval(
        minutes,
        _ranges(told.get("weekdays"), _DAYS),
        _ranges(told.get("days_of_month")),
        _ranges(told.get("months"), _MONTHS),
        _ranges(told.get("years")),
        zone,
    )


def _ranges(told: Sequence[object] | None, names: Sequence[str] = ()) -> _Ranges:
    """`monday:friday`, `1:5`, `-3:-1` or one alone."""

    def number(text: str) -> int:
        if text.lower() in names:
            return names.index(text.lower())
        try:
            return int(text)
        except ValueError as error:
            raise ValueError(f"{text!r} is neither a name nor a number of a day, a month or a year") from error

    ends = [str(one).split(":") for one in told or ()]
    return tuple((number(one[0]), number(one[-1])) for one in ends)


def _minute(text: object) -> int:
    if isinstance(text, int):  # YAML 1.1 reads 17:00 without quotes as a number of base 60
        return text
    try:
        hour, minute = map(int, str(text).split(":"))
    except ValueError as error:
        raise ValueError(f"{text!r} is no time of a day such as 17:00") from error
    return hour * 60 + minute


def _clock(zone: str) -> ZoneInfo | None:
    """None for the clock of this machine, as Go calls it; ValueError for a zone that is not known."""
    try:
        return None if zone == "Local" else ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise ValueError(f"{zone!r} is no time zone that is known here") from error


def _day(number: int, length: int) -> int:
    """It may lie outside a short month, and then no day is it, as Alertmanager has it."""
    return number if number > 0 else length + number + 1
