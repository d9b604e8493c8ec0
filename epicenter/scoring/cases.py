"""One world, told in one dialect after the other, analysed and held against its own truth."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import msgspec

from ..collector.model import Windows
from ..detectors import analyze
from ..detectors.analysis import Analysis, RecordingSummary
from ..synthetic import History, simulate
from ..synthetic.telemetry.mix import Mix, drawn_mix, mix_of
from ..synthetic.truth import Truth
from .compare import compare
from .labels import Labels, Marks
from .matching import is_explained, matched
from .moments import first_lasting, moments, until
from .telemetry import windows_of

DRAWN = "drawn"
"""The name of the mix that each world draws for itself."""


@dataclass(frozen=True)
class World:
    """What one process does at a time: the world is simulated once for all mixes."""

    scenario: str
    seed: int
    mixes: tuple[str, ...]
    spans_per_second: float | None = None


@dataclass(frozen=True)
class Row:
    """One case: a world told in one mix.

    dialect: what the mix consists of. calm_days: length of the world, if nothing is wrong in it.
    time_to_detect_s, time_to_explain_s: from the first user-visible failure (if none, from the trigger) to the first
    moment from which the incident stays seen, and its root rightly named; None where it is not so in the end.
    explained_at: that moment, in Unix seconds. crashed: the traceback's last line, where there is no analysis.
    The rest is as in `Comparison`.
    """

    scenario: str
    seed: int
    mix: str
    dialect: str = ""
    services: int = 0
    hours: float = 0.0
    calm_days: float = 0.0
    window_s: int = 0
    expected: Labels | None = None
    got: Labels | None = None
    right: Marks | None = None
    verdict: str | None = None
    confidence: float | None = None
    candidates: tuple[str, ...] = ()
    said_unknown: bool = False
    false_incidents: int = 0
    split: int = 0
    trigger_start_error_s: float | None = None
    trigger_end_error_s: float | None = None
    time_to_detect_s: float | None = None
    time_to_explain_s: float | None = None
    explained_at: float | None = None
    why: tuple[str, ...] = ()
    crashed: str = ""


def run_world(world: World) -> list[Row]:
    """Simulate the world and score its analysis in each of its mixes; UsageError for a scenario that is none.

    ValueError for a mix that is none."""
    mixes = {name: the_mix(name, world.scenario, world.seed) for name in world.mixes}
    history = simulate(world.scenario, seed=world.seed)
    return [_row(world, history, name, mix) for name, mix in mixes.items()]


def the_mix(name: str, scenario: str, seed: int) -> Mix:
    """The mix of that name; "drawn" draws one by scenario and seed. ValueError where there is no such mix."""
    return drawn_mix(zlib.crc32(f"{scenario} {seed}".encode())) if name == DRAWN else mix_of(name)


def _row(world: World, history: History, name: str, mix: Mix) -> Row:
    windows, summary = windows_of(history, seed=world.seed, mix=mix, spans_per_second=world.spans_per_second)
    truth = history.truth
    analysis = analyze(windows, summary)
    found = compare(truth, analysis)
    hours = (history.end - history.start) / 3600.0
    detected_at, explained_at = _known_from(truth, windows, summary, analysis)
    visible_at = _first_visible(truth)
    return Row(
        scenario=world.scenario,
        seed=world.seed,
        mix=name,
        dialect=_told(mix),
        services=len(history.services),
        hours=round(hours, 3),
        calm_days=0.0 if found.expected.incident else hours / 24.0,
        window_s=windows.window_s,
        expected=found.expected,
        got=found.got,
        right=found.right,
        verdict=found.verdict,
        confidence=found.confidence,
        candidates=found.candidates,
        said_unknown=found.said_unknown,
        false_incidents=found.false_incidents,
        split=found.split,
        trigger_start_error_s=found.trigger_start_error_s,
        trigger_end_error_s=found.trigger_end_error_s,
        time_to_detect_s=None if detected_at is None else round(detected_at - visible_at, 3),
        time_to_explain_s=None if explained_at is None else round(explained_at - visible_at, 3),
        explained_at=explained_at,
        why=found.why,
    )


def _known_from(
    truth: Truth, windows: Windows, summary: RecordingSummary, at_the_end: Analysis
) -> tuple[int | None, int | None]:
    """From when on the incident was seen, and its root rightly named, with nothing known that came later."""
    if truth.incident is None or truth.trigger_start is None:
        return None, None
    looked = {windows.end: at_the_end}

    def at(moment: int) -> Analysis:
        if moment not in looked:
            looked[moment] = analyze(until(windows, moment), msgspec.structs.replace(summary, to=float(moment)))
        return looked[moment]

    asked = moments(truth.trigger_start, windows.end, windows.window_s)
    detected = first_lasting(asked, lambda moment: matched(truth, at(moment)) is not None)
    explained = first_lasting(asked, lambda moment: is_explained(truth, at(moment)))
    return detected, explained


def _first_visible(truth: Truth) -> float:
    """When users first met failures; in a world where they never did, when it broke. 0 in calm weather."""
    felt = [phase.start for phase in truth.phases if phase.name == "users affected"]
    return min(felt, default=truth.trigger_start or 0.0)


def _told(mix: Mix) -> str:
    return f"{' '.join(mix.metrics)}; {mix.peers}; {mix.conventions}; {mix.exceptions}; skew {mix.skew_s:.3f} s"
