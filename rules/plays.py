"""Rules over a simulated world by its name: one that has been loaded before is neither simulated nor loaded again."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Collection, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import msgspec
import numpy as np

from ..collector.errors import EpicenterError, Refused, Unreachable, UnreadableInput
from ..synthetic import simulate
from .cache import Cache, named
from .files import Rule
from .loads import Load, Scraped, scraped_in
from .needs import selecting
from .prometheus import ADMIN, Prometheus, private, program
from .promtool import export
from .results import Backtest, Seen, judged_over
from .worlds import METRICS, SCRAPE_S, chosen, over, seen_in, world_of

_CODE = ("../collector", "../synthetic", "cache.py", "loads.py", "plays.py", "results.py", "worlds.py", "write.py")
"""What a world's samples and the truth about them come from."""


@dataclass(frozen=True)
class _Kept:
    """What a run of rules needs of a world beside its blocks.

    names: each name that the world offers -> whether its series are in the blocks.
    """

    seen: Seen
    scraped: Scraped
    names: dict[str, bool]


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
        kept, load = _loaded(rules, scenario, seed, cache, Path(name, "blocks"), told)
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


def _loaded(
    rules: Sequence[Rule], scenario: str, seed: int, cache: Cache, blocks: Path, told: list[str]
) -> tuple[_Kept, Load]:
    """The world from the cache, or into it: with the metrics of these rules and those that others read before."""
    name = _name(scenario, seed)
    wanted = selecting(rule.expr for rule in rules)
    before: Collection[str] = ()
    try:
        kept = _taken(cache, name, blocks)
    except (UnreadableInput, OSError) as error:
        told.append(_words(cache, error))
        kept = None
    if kept is not None:
        if not any(wanted(one) for one, there in kept.names.items() if not there):
            return kept, Load(kept.scraped, lambda: private(blocks=blocks))
        before = {one for one, there in kept.names.items() if there}
    names: dict[str, bool] = {}

    def choose(one: str) -> bool:
        names[one] = wanted(one) or one in before
        return names[one]

    history = simulate(scenario, seed=seed)
    series = list(chosen(history, SCRAPE_S, choose))
    kept = _Kept(seen_in(history), scraped_in(series), names)

    @contextmanager
    def served() -> Generator[Prometheus]:
        with private(ADMIN) as prometheus:
            prometheus.write(series)
            try:
                cache.keep(name, prometheus.snapshot(), msgspec.json.encode(kept))
            except Unreachable:
                raise
            except (Refused, OSError) as error:
                told.append(_words(cache, error))
            yield prometheus

    return kept, Load(kept.scraped, served)


def _taken(cache: Cache, name: str, blocks: Path) -> _Kept | None:
    about = cache.take(name, blocks)
    try:
        return None if about is None else msgspec.json.decode(about, type=_Kept)
    except msgspec.MsgspecError as error:
        raise UnreadableInput(cache.entry(name), f"cannot be used, and is made anew: {error}") from error


def _words(cache: Cache, error: Exception) -> str:
    """One sentence, the same for all worlds whose trouble is the same."""
    if isinstance(error, UnreadableInput):
        return str(error)
    why = error.strerror if isinstance(error, OSError) else error
    return f"{cache.folder}: loads are not kept there, and the next run makes them again ({why})"


def _name(scenario: str, seed: int) -> str:
    """Of all that determines a load."""
    server = Path(program("prometheus")).resolve().stat()
    made_by = (_code(), np.__version__, server.st_size, server.st_mtime_ns)
    told = msgspec.json.encode((scenario, seed, SCRAPE_S, METRICS, made_by))
    return named(f"{scenario}-{seed}", told)


@cache
def _code() -> str:
    here = Path(__file__).parent
    whole = hashlib.blake2b()
    for path in (here / name for name in _CODE):
        for file in sorted([*path.rglob("*.py"), *path.rglob("*.json")]) if path.is_dir() else (path,):
            whole.update(f"{file.name}\0".encode() + file.read_bytes())
    return whole.hexdigest()
