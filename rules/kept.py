"""Loads that are kept between runs: the samples that rules read, as the blocks of a Prometheus, and what is seen."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import msgspec
import numpy as np

from ..collector.errors import Refused, Unreachable, UnreadableInput
from .cache import Cache, named
from .files import Rule
from .loads import Load, Scraped, moving_in, scraped_in
from .needs import selecting
from .prometheus import ADMIN, Prometheus, private, program
from .results import Seen
from .write import Series

_CODE = (
    *("../collector", "../synthetic", "cache.py", "ends.py", "kept.py", "loads.py", "plays.py"),
    *("recordings.py", "results.py", "worlds.py", "write.py"),
)
"""What a load and the truth about it come from."""

Choose = Callable[[str], bool]
"""Whether the series of a metric's name are wanted; it is asked about each name that there may be."""


@dataclass(frozen=True)
class Source:
    """What a load is made of. told: a few words for people; made_from: all that determines it beside the code."""

    told: str
    made_from: bytes
    make: Callable[[Choose], tuple[Seen, list[Series]]]


@dataclass(frozen=True)
class Kept:
    """What a run of rules needs of a load beside its blocks.

    names: each name that the source offers -> whether its series are in the blocks.
    """

    seen: Seen
    scraped: Scraped
    moving: Scraped
    names: dict[str, bool]

    def has_all(self, rules: Sequence[Rule]) -> bool:
        """Whether no rule reads what the source offers and the blocks lack."""
        wanted = selecting(rule.expr for rule in rules)
        return not any(wanted(one) for one, there in self.names.items() if not there)


def loaded(rules: Sequence[Rule], source: Source, store: Cache, blocks: Path, told: list[str]) -> tuple[Kept, Load]:
    """The load from the cache, or into it: with the metrics of these rules and those that others read before.

    What the cache could not do is appended to `told`: it costs time, and no result. Raises MissingTool.
    """
    kept = taken(source, store, blocks, told)
    before: Collection[str] = ()
    if kept is not None:
        if kept.has_all(rules):
            return kept, Load(kept.scraped, kept.moving, lambda: private(blocks=blocks))
        before = {one for one, there in kept.names.items() if there}
    names: dict[str, bool] = {}
    wanted = selecting(rule.expr for rule in rules)

    def choose(one: str) -> bool:
        names[one] = wanted(one) or one in before
        return names[one]

    seen, series = source.make(choose)
    kept = Kept(seen, scraped_in(series), moving_in(series, seen.start, seen.end), names)

    @contextmanager
    def served() -> Generator[Prometheus]:
        with private(ADMIN) as prometheus:
            prometheus.write(series)
            try:
                store.keep(_name(source), prometheus.snapshot(), msgspec.json.encode(kept))
            except Unreachable:
                raise
            except (Refused, OSError) as error:
                told.append(_words(store, error))
            yield prometheus

    return kept, Load(kept.scraped, kept.moving, served)


def taken(source: Source, store: Cache, blocks: Path, told: list[str]) -> Kept | None:
    """What is kept of a source, with its blocks in a new folder, if there is such; MissingTool."""
    name = _name(source)
    try:
        about = store.take(name, blocks)
        return None if about is None else msgspec.json.decode(about, type=Kept)
    except msgspec.MsgspecError as error:
        told.append(_words(store, UnreadableInput(store.entry(name), f"cannot be used, and is made anew: {error}")))
    except (UnreadableInput, OSError) as error:
        told.append(_words(store, error))
    return None


def _words(store: Cache, error: Exception) -> str:
    """One sentence, the same for all sources whose trouble is the same."""
    if isinstance(error, UnreadableInput):
        return str(error)
    why = error.strerror if isinstance(error, OSError) else error
    return f"{store.folder}: loads are not kept there, and the next run makes them again ({why})"


def _name(source: Source) -> str:
    """Of all that determines a load."""
    server = Path(program("prometheus")).resolve().stat()
    made_by = (_code(), np.__version__, server.st_size, server.st_mtime_ns)
    return named(source.told, msgspec.json.encode((source.told, source.made_from, made_by)))


@cache
def _code() -> str:
    here = Path(__file__).parent
    whole = hashlib.blake2b()
    for path in (here / name for name in _CODE):
        for file in sorted([*path.rglob("*.py"), *path.rglob("*.json")]) if path.is_dir() else (path,):
            whole.update(f"{file.name}\0".encode() + file.read_bytes())
    return whole.hexdigest()
