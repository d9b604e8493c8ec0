"""One alert in one world, as tests ask about it: whether it fires, on what and how soon, and its timeline."""

from __future__ import annotations

from dataclasses import dataclass

from ..collector.errors import UsageError
from .files import seconds
from .results import Backtest
from .verdicts import Judged, Verdict

HITS = ("cause", "loop", "symptom", "fired")
"""What an alert of an outage may fire on where a test does not say; `fired` where nobody knows the truth."""
KINDS = ("cause", "loop", "symptom", "early", "unattributed", "false_alarm", "fired")


@dataclass(frozen=True)
class Alert:
    """All rules of one name in one world."""

    name: str
    world: Backtest
    verdicts: tuple[Verdict, ...]

    def fires(self, *, within: str | None = None, on: str | None = None) -> bool:
        """Whether it fires `on` the cause, loop or symptom (any of them if None), `within` a time like "3m".

        The time runs from the true onset. UsageError where the world cannot test it, or for what makes no sense.
        """
        if on is not None and on not in KINDS:
            raise UsageError(f"on={on!r}: is none of {', '.join(KINDS)}")
        latest = None if within is None else self._latest(within)
        if all(one.kind in ("untestable", "refused") for one in self.verdicts):
            raise UsageError(f"{self.name} cannot be tested in {self.world.scenario}: {self._why()}")
        kinds = HITS if on is None else (on,)
        return any(one.kind in kinds and (latest is None or one.firing.start <= latest) for one in self._firings())

    def timeline(self) -> str:
        """The outage and every firing of the alert, one a line, from the onset on."""
        onset = self._onset()
        start = self.world.start if onset is None else onset
        lines = [(one.start, one.phase, f"to {_after(one.end, start)}") for one in self.world.coverage]
        for one in self._firings():
            labels = ", ".join(f'{name}="{value}"' for name, value in sorted(one.firing.labels.items()))
            told = f"to {_after(one.firing.end, start)}  {self.name} fires: {one.kind} {{{labels}}}"
            lines.append((one.firing.start, "", told))
        since = "the onset"
        if onset is None:
            since = "its start" if self.world.truth is None else "the start of this calm world"
        head = f"{self.name} in {self.world.scenario}, from {since}:"
        still = ": nothing that it reads changes here" if all(one.still for one in self.verdicts) else ""
        quiet = [] if self._firings() else [f"  {self.name} never fires{still}"]
        return "\n".join([head, *(f"  {_after(at, start)} {text}  {what}" for at, what, text in sorted(lines)), *quiet])

    def _firings(self) -> list[Judged]:
        return [one for verdict in self.verdicts for one in verdict.firings]

    def _onset(self) -> float | None:
        return None if self.world.truth is None else self.world.truth.trigger_start

    def _latest(self, within: str) -> float:
        onset = self._onset()
        if onset is None:
            why = "nobody knows the onset of" if self.world.truth is None else "nothing breaks in"
            raise UsageError(f"within={within!r}: {why} {self.world.scenario}")
        try:
            return onset + seconds(within)
        except ValueError as error:
            raise UsageError(f"within={within!r}: is no time such as 3m or 1h30m") from error

    def _why(self) -> str:
        refused = [one.refused for one in self.verdicts if one.refused is not None]
        needs = sorted({need for one in self.verdicts for need in one.needs})
        return refused[0] if refused else f"it has no {', '.join(needs)}"


def alert_in(world: Backtest, name: str) -> Alert:
    """The alert of that name; UsageError where the rules have none."""
    verdicts = tuple(one for one in world.verdicts if one.name == name)
    if not verdicts:
        known = ", ".join(sorted({one.name for one in world.verdicts}))
        left_out = "".join(f"; {problem}" for problem in world.problems)
        raise UsageError(f"there is no alert {name}; there are {known or 'none'}{left_out}")
    return Alert(name, world, verdicts)


def _after(at: float, start: float) -> str:
    """As +h:mm:ss, so that lines line up."""
    sign = "-" if at < start else "+"
    minutes, seconds = divmod(round(abs(at - start)), 60)
    return f"{sign}{minutes // 60}:{minutes % 60:02}:{seconds:02}"
