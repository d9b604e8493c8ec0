"""Rules over a recording: its samples, and the truth that may lie beside them."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import msgspec
import numpy as np

from ..collector.errors import UnreadableInput
from ..collector.recording import open_recording
from ..collector.sources import TRUTH
from ..synthetic import SCENARIOS
from ..synthetic.truth import Truth
from .cache import Cache
from .ends import ended
from .files import Rule
from .kept import Choose, Source, loaded
from .loads import written
from .needs import selecting
from .results import Backtest, Seen, judged_over
from .worlds import METRICS
from .write import Floats, Series

_RANGE = "select min(epoch_ns(Timestamp)) / 1e9, max(epoch_ns(Timestamp)) / 1e9 from samples"
_SERIES = """
select Name, Labels, list(epoch_ns(Timestamp) order by Timestamp), list(Value order by Timestamp)
from samples where list_contains(?, Name) group by Name, Labels order by Name, Labels
"""
_SCRAPES = "select distinct epoch_ns(Timestamp) from samples order by 1"


class _Beside(msgspec.Struct):
    """What `truth.json` may hold beside the truth: the world, its dialects, and component -> what it goes by."""

    scenario: str = ""
    metrics: tuple[str, ...] = ()
    names: dict[str, tuple[str, ...]] = {}

    @property
    def world(self) -> str:
        """The scenario that was recorded here, all of it scraped at the same moments; "" where people wrote the truth.

        They may name an outage as they like; the dialects are written where a world is recorded.
        """
        return self.scenario if self.metrics and self.scenario in SCENARIOS else ""


def backtest_recording(
    rules: Sequence[Rule], folder: Path, *, tune: bool = False, cache: Cache | None = None
) -> Backtest:
    """Play the rules over the recording's samples; with a `truth.json` in it they are judged, else told.

    What the cache could not do is among the problems. Raises UnreadableInput and UsageError for the recording,
    MissingTool, Unreachable if Prometheus died twice.
    """
    if cache is None:
        seen, series = _read(folder, selecting(rule.expr for rule in rules))
        return _hinted(judged_over(rules, written(series, seen.start, seen.end), seen, tune=tune), seen)
    told: list[str] = []
    source = Source("recording", _digest(folder), partial(_read, folder))
    with tempfile.TemporaryDirectory(prefix="epicenter-") as name:
        kept, load = loaded(rules, source, cache, Path(name, "blocks"), told)
        # the same files may have been kept from another place
        seen = replace(kept.seen, name=str(folder))
        result = _hinted(judged_over(rules, load, seen, tune=tune), seen)
    return replace(result, problems=(*dict.fromkeys(told), *result.problems))


def _hinted(result: Backtest, seen: Seen) -> Backtest:
    """With a sentence where the world that was recorded may have the metrics that are not here."""
    if not seen.unrecorded or not any(one.kind == "untestable" for one in result.verdicts):
        return result
    told = (
        f"{seen.name}: holds the metrics that were recorded; "
        f"`epicenter simulate {seen.unrecorded} --for-rules` records all that are played"
    )
    return replace(result, problems=(*result.problems, told))


def _read(folder: Path, choose: Choose) -> tuple[Seen, list[Series]]:
    with tempfile.TemporaryDirectory(prefix="epicenter-") as scratch:
        recording = open_recording([folder], scratch=Path(scratch))
        with recording.connect() as connection:
            start, end = connection.execute(_RANGE).fetchall()[0]
            names = [name for (name,) in connection.execute("select distinct Name from samples").fetchall()]
            rows = connection.execute(_SERIES, [[name for name in names if choose(name)]]).fetchall()
            scrapes = connection.execute(_SCRAPES).fetchall()
    if start is None:
        raise UnreadableInput(folder, "holds no samples for rules to read")
    truth, beside = _truth(folder / TRUTH)
    unrecorded = "" if {*METRICS} <= {*beside.metrics} else beside.world
    seen = Seen(str(folder), start, end, truth, beside.names, "recording", unrecorded)
    if not beside.world:
        return seen, [_series(*row) for row in rows]
    series = [_series(name, _as_played(labels), *points) for name, labels, *points in rows]
    return seen, ended(series, np.unique(_seconds([at for (at,) in scrapes])))


def _digest(path: Path) -> bytes:
    """Of the names and the bytes of all its files; UnreadableInput."""
    whole = hashlib.blake2b()
    for file in sorted(one for one in path.rglob("*") if one.is_file()) if path.is_dir() else (path,):
        try:
            with file.open("rb") as stream:
                content = hashlib.file_digest(stream, "blake2b").hexdigest()
        except OSError as error:
            raise UnreadableInput(file, f"cannot be read ({error.strerror})") from error
        whole.update(f"{file.relative_to(path)}\0{content}\n".encode())
    return whole.digest()


def _series(name: str, labels: dict[str, str], times: list[int], values: list[float]) -> Series:
    """One series, of which the last sample stands where two have the same millisecond."""
    stamps = _seconds(times)
    last = np.append(stamps[1:] != stamps[:-1], True)
    return Series({**labels, "__name__": name}, stamps[last], np.array(values, np.float64)[last])


def _as_played(labels: dict[str, str]) -> dict[str, str]:
    """With a bucket's bound as worlds spell it: OpenMetrics has 1.0 for 1."""
    bound = labels.get("le", "+Inf")
    return labels if bound == "+Inf" else {**labels, "le": f"{float(bound):g}"}


def _seconds(times_ns: list[int]) -> Floats:
    """Unix seconds, to the millisecond, as Prometheus has them."""
    return (np.array(times_ns, np.int64) // 1_000_000) / 1000.0


def _truth(path: Path) -> tuple[Truth | None, _Beside]:
    """The truth and what is beside it; where no names are told, a service goes by its own alone."""
    if not path.is_file():
        return None, _Beside()
    try:
        content = path.read_bytes()
        truth, told = msgspec.json.decode(content, type=Truth), msgspec.json.decode(content, type=_Beside)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise UnreadableInput(path, f"is no truth of a simulated world: {error}") from error
    wrong = _wrong(truth)
    if wrong:
        raise UnreadableInput(path, f"is no truth of a simulated world: {wrong}")
    services = sorted({*truth.affected, *(name for edge in truth.storm_edges for name in edge)})
    return truth, _Beside(told.scenario, told.metrics, {**dict.fromkeys(services, ()), **told.names})


def _wrong(truth: Truth) -> str:
    """What the times of a truth say against one another; "" where nothing."""
    if (truth.trigger_start is None) != (truth.incident is None):
        return "`trigger_start` and `incident` are told both, or neither"
    if truth.incident is not None and not truth.incident[0] < truth.incident[1]:
        return "its `incident` does not start before it ends"
    return ""
