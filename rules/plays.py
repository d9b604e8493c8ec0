"""Rules over a simulated world by its name: one that has been loaded before is neither simulated nor loaded again."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from ..collector.errors import EpicenterError, MissingTool
from ..synthetic import simulate
from .cache import Cache
from .files import Rule
from .gaps import Gaps
from .kept import Choose, Source, loaded, taken
from .promtool import export
from .results import Backtest, Seen, judged_over
from .worlds import METRICS, SCRAPE_S, chosen, gaps_over, missing_in, over, seen_in, world_of
from .write import Series


@dataclass(frozen=True)
class Exported:
    """A sentence for each rule that a unit test leaves out, and why there is no test, where there is none."""

    notes: tuple[str, ...] = ()
    failed: str | None = None


def backtest(
    rules: Sequence[Rule], scenario: str, *, seed: int = 0, tune: bool = False, cache: Cache | None = None
) -> Backtest:
    """Play the rules over a world; UsageError, MissingTool, Unreachable if Prometheus died twice.

    What the cache could not do is among the problems: it costs time, and no result.
    """
    if cache is None:
        return over(rules, simulate(scenario, seed=seed), tune=tune)
    told: list[str] = []
    with tempfile.TemporaryDirectory(prefix="epicenter-") as name:
        kept, load = loaded(rules, _source(scenario, seed), cache, Path(name, "blocks"), told)
        result = judged_over(rules, load, kept.seen, tune=tune)
    return replace(result, problems=(*dict.fromkeys(told), *result.problems))


def backtest_and_export(
    rules: Sequence[Rule], scenario: str, folder: Path, *, seed: int = 0, tune: bool = False
) -> tuple[Backtest, Exported]:
    """The same without a cache, and the world as a unit test for promtool in this folder, from one simulation."""
    history = simulate(scenario, seed=seed)
    result = over(rules, history, tune=tune)
    try:
        return result, Exported(export(folder, rules, world_of(rules, history))[1])
    except (EpicenterError, OSError) as error:  # the result stands without it
        return result, Exported(failed=f"{scenario}: {error}")


def gaps_in(
    rules: Sequence[Rule], scenario: str, *, seed: int = 0, cache: Cache | None = None
) -> tuple[Gaps, tuple[str, ...]]:
    """What a world lacks for the alerts, from the cache if it is there, and a sentence for what is wrong with that.

    Nothing is played or kept, and no Prometheus is needed; UsageError.
    """
    told: list[str] = []
    if cache is not None:
        with tempfile.TemporaryDirectory(prefix="epicenter-") as name, suppress(MissingTool):
            kept = taken(_source(scenario, seed), cache, Path(name, "blocks"), told)
            if kept is not None and kept.has_all(rules):
                return gaps_over(rules, scenario, kept.scraped, kept.moving), tuple(told)
    return missing_in(rules, scenario, seed=seed), tuple(told)


def _source(scenario: str, seed: int) -> Source:
    def make(choose: Choose) -> tuple[Seen, list[Series]]:
        history = simulate(scenario, seed=seed)
        return seen_in(history), list(chosen(history, SCRAPE_S, choose))

    return Source(f"{scenario}-{seed}", msgspec.json.encode((scenario, seed, SCRAPE_S, METRICS)), make)
