"""What really happened in a simulated world, as its own books show it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

LISTED = (
    *("root_component", "root_kind", "dns_role", "dns_failure", "storm", "metastable"),
    *("trigger_start", "trigger_end", "storm_start", "storm_end", "incident"),
)
"""What a scenario is listed with."""


@dataclass(frozen=True)
class TruePhase:
    """A stretch with one character; `end` is None while it lasts at the end of the world. Unix seconds."""

    name: str
    start: float
    end: float | None


@dataclass(frozen=True)
class Truth:
    """The labels of a simulated incident, written as `truth.json`; no detector may read them.

    root_component: what broke first, with every other name it goes by in `root_aliases`; "" in calm weather.
    root_kind, dns_role, dns_failure: in the words of the analysis; kind "" in calm weather.
    storm, metastable, storm_edges, storm_start, storm_end: the loop that kept the incident going after
        the trigger's end, with the (caller, callee) pairs it ran over.
    trigger_start, trigger_end, incident (start, end): Unix seconds; None in calm weather.
    affected: service -> Unix second at which its failures first stood out.
    """

    root_component: str
    root_aliases: tuple[str, ...]
    root_kind: str
    dns_role: str
    dns_failure: str | None
    storm: bool
    metastable: bool
    storm_edges: tuple[tuple[str, str], ...]
    storm_start: float | None
    storm_end: float | None
    trigger_start: float | None
    trigger_end: float | None
    incident: tuple[float, float] | None
    affected: dict[str, float]
    phases: tuple[TruePhase, ...]

    @classmethod
    def calm(cls, affected: dict[str, float]) -> Truth:
        """Nothing is wrong; `affected` holds what stood out all the same, for long enough to be seen."""
        return cls("", (), "", "none", None, False, False, (), None, None, None, None, None, affected, ())

    @property
    def trigger(self) -> tuple[float, float]:
        """From when to when the trigger lasted; ValueError in calm weather."""
        if self.trigger_start is None or self.trigger_end is None:
            raise ValueError("nothing broke in this world")
        return self.trigger_start, self.trigger_end

    @property
    def span(self) -> tuple[float, float]:
        """From when to when the incident lasted; ValueError in calm weather."""
        if self.incident is None:
            raise ValueError("nothing broke in this world")
        return self.incident

    def to_json(self, **beside: object) -> str:
        """The content of `truth.json`; beside: what is told of the recording that it lies in."""
        return json.dumps({**asdict(self), **beside}, indent=2) + "\n"
