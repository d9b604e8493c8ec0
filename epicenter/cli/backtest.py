"""`epicenter backtest`: would these alert rules have caught the great outages?"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from .numbers import SeedParameter
from .times import TimeParameter

if TYPE_CHECKING:
    from ..rules.cache import Cache
    from ..rules.files import Rule
    from ..rules.plays import Exported
    from ..rules.results import Backtest
    from ..rules.totals import Report

FLAGSHIP = "aws-dynamodb-2025"
_FILE = click.Path(path_type=Path)
_HERE = click.Path(path_type=Path, exists=True)
Play = Callable[[], "Backtest | tuple[Backtest, Exported]"]
_COVERAGE_TAKES = {
    **{"rules": "", "coverage": "", "scenarios": "--scenario", "seed": "--seed", "json_path": "--json"},
    **{"cache_folder": "--cache", "no_cache": "--no-cache"},
}
"""Parameter -> option of what `--coverage` goes with."""


@click.command("backtest")
@click.argument("rules", nargs=-1, required=True)
@click.option(
    "--scenario",
    "scenarios",
    multiple=True,
    metavar="NAME|all",
    help=f"The world to test in; may be repeated.  [default, where nothing else is given: {FLAGSHIP}]",
)
@click.option("--seed", type=SeedParameter(), default=0, show_default=True, help="Varies what real estates vary.")
@click.option("--recording", "recordings", type=_HERE, multiple=True, help="A recording to test in; may be repeated.")
@click.option("--prometheus", "url", metavar="URL", help="Your own server to ask about its past, with --from and --to.")
@click.option("--from", "start", type=TimeParameter(), help="With --prometheus: from this moment on.")
@click.option("--to", "end", type=TimeParameter(), help="With --prometheus: up to this moment.")
@click.option("--jobs", type=click.IntRange(1), default=2, show_default=True, help="Worlds at a time.")
@click.option("--coverage", is_flag=True, help="Play nothing; tell which metrics the alerts lack in these worlds.")
@click.option("--tune", is_flag=True, help="Try other values of `for` and other thresholds; tell which do better.")
@click.option("--expect", "expect", type=_FILE, help="What must hold (YAML); ends with 1 where it does not.")
@click.option(
    "--json",
    "json_path",
    type=click.Path(path_type=Path, allow_dash=True),
    help="Write it as JSON (- for standard output).",
)
@click.option("--html", "html_path", type=_FILE, help="Write it as one web page.")
@click.option("--junit", "junit_path", type=_FILE, help="Write it as JUnit XML.")
@click.option(
    "--alertmanager", "config_path", type=_FILE, help="Your alertmanager.yml: what is left once it groups and inhibits."
)
@click.option("--promtool", "promtool_folder", type=_FILE, help="Write each scenario as a unit test for promtool.")
@click.option(
    "--cache",
    "cache_folder",
    type=_FILE,
    help="Where loaded worlds are kept.  [default: epicenter in the user's cache]",
)
@click.option("--no-cache", is_flag=True, help="Simulate and load every world anew.")
@click.option("--lapilli", "lapilli_path", type=_FILE, help="Write the outages as a list of incidents for Lapilli.")
def command(
    rules: tuple[str, ...],
    scenarios: tuple[str, ...],
    seed: int,
    recordings: tuple[Path, ...],
    url: str | None,
    start: float | None,
    end: float | None,
    jobs: int,
    coverage: bool,
    tune: bool,
    expect: Path | None,
    json_path: Path | None,
    html_path: Path | None,
    junit_path: Path | None,
    config_path: Path | None,
    promtool_folder: Path | None,
    lapilli_path: Path | None,
    cache_folder: Path | None,
    no_cache: bool,
) -> None:
    """Play the alert rules of RULES (files, folders, globs, mixins) over simulated outages whose cause is known.

    Or over a recording, or over the past of your own Prometheus, which is only read.
    """
    from rich.console import Console

    from ..parallel import run_all
    from ..report import alerts
    from ..rules.alertmanager import check_config, read_config
    from ..rules.expectations import about_played, check, read_expectations
    from ..rules.files import read_rules
    from ..rules.notifications import notifications
    from ..rules.totals import report
    from .coverage import tell_coverage
    from .output import check_writable, progress, write_result

    for path in (json_path, html_path, junit_path, lapilli_path):
        check_writable(path)
    expected = () if expect is None else read_expectations(expect)
    if config_path is not None:
        check_config(config_path)
    config = None if config_path is None else read_config(config_path)
    read = read_rules(rules)
    cache = _cache(cache_folder, no_cache=no_cache)
    if coverage:
        _alone("--coverage plays nothing, and goes", _COVERAGE_TAKES)
        tell_coverage(read, _worlds(scenarios or (FLAGSHIP,)), seed, json_path, cache)
        return
    names = _worlds(scenarios or (() if recordings or url else (FLAGSHIP,)))
    played = [*names, *map(str, recordings), *([] if url is None else [url])]
    about_played(expected, played)
    _need_others(names, config_path, promtool_folder)
    worlds = _world_plays(read.rules, names, seed, promtool_folder, cache, tune=tune)
    plays = [*worlds, *_plays(read.rules, recordings, url, start, end, cache, tune=tune)]
    with progress("Playing") as bar:
        task = bar.task_ids[0]
        done = run_all(plays, jobs=jobs, progress=lambda share: bar.update(task, total=1.0, completed=share))
        results, exported, failed = _done(played, [one.result for one in done])
        notified = [] if config is None else [notifications(result, config) for result in results]
    unexported = [one.failed for one in exported if one.failed is not None]
    problems = [*read.problems, *(note for one in exported for note in one.notes), *failed, *unexported]
    problems += _untried(results) if tune else ()
    told = report(problems, results, check(expected, results), notified)
    _write_others(told, html_path, junit_path, lapilli_path)
    if not write_result(told, json_path):
        alerts.render(told, Console())
    if failed or unexported:
        sys.exit(2)
    if not all(one.held for one in told.expectations):
        sys.exit(1)


def _alone(begins: str, takes: Mapping[str, str]) -> None:
    """UsageError where an option was given that is not among those that are taken, parameter -> option."""
    from ..collector.errors import UsageError

    context = click.get_current_context()
    given = [
        one.opts[0]
        for one in context.command.params
        if one.name not in takes and context.get_parameter_source(str(one.name)) is ParameterSource.COMMANDLINE
    ]
    if given:
        raise UsageError(f"{begins} with {', '.join(filter(None, takes.values()))}, not with {', '.join(given)}")


def _done(
    names: Sequence[str], results: Iterable[Callable[[], Backtest | tuple[Backtest, Exported]]]
) -> tuple[list[Backtest], list[Exported], list[str]]:
    """What came of each world, and a sentence for each that failed; where all did, the first one's error."""
    from ..collector.errors import EpicenterError

    found: list[Backtest] = []
    exported: list[Exported] = []
    failed: list[str] = []
    errors: list[EpicenterError] = []
    for name, result in zip(names, results, strict=True):
        try:
            one = result()
        except EpicenterError as error:
            errors.append(error)
            failed.append(str(error) if name in str(error) else f"{name}: {error}")
        else:
            found.append(one[0] if isinstance(one, tuple) else one)
            exported += one[1:] if isinstance(one, tuple) else ()
    if errors and not found:
        raise errors[0]
    return found, exported, failed


def _untried(results: Sequence[Backtest]) -> Iterator[str]:
    for result in results:
        if result.truth is None:
            yield f"{result.scenario}: --tune tries nothing where nobody knows what really happened"


def _need_others(names: Sequence[str], config_path: Path | None, promtool_folder: Path | None) -> None:
    """UsageError and MissingTool before the long work."""
    from ..collector.errors import UsageError
    from ..rules.prometheus import program

    if config_path is not None:
        program("prometheus-alertmanager", "alertmanager")
    if promtool_folder is not None:
        program("promtool")
        if not names:
            raise UsageError("--promtool goes with --scenario: promtool has no samples but at whole intervals")
        if promtool_folder.exists() and not promtool_folder.is_dir():
            raise UsageError(f"{promtool_folder}: is no folder, and --promtool writes several files")


def _write_others(told: Report, html_path: Path | None, junit_path: Path | None, lapilli_path: Path | None) -> None:
    from ..report import alerts_html, junit
    from ..rules.lapilli import incidents_yaml

    if html_path is not None:
        html_path.write_text(alerts_html.render(told), encoding="utf-8")
    if junit_path is not None:
        junit_path.write_bytes(junit.render(told))
    if lapilli_path is not None:
        lapilli_path.write_text(incidents_yaml(told.scenarios), encoding="utf-8")


def _cache(folder: Path | None, *, no_cache: bool) -> Cache | None:
    """UsageError where both are given."""
    from ..collector.errors import UsageError
    from ..rules.cache import Cache, usual_folder

    if no_cache:
        if folder is not None:
            raise UsageError("--no-cache keeps nothing, and does not go with --cache")
        return None
    place = usual_folder(os.environ) if folder is None else folder.absolute()
    return None if place is None else Cache(place)


def _world_plays(
    rules: Sequence[Rule],
    names: Sequence[str],
    seed: int,
    promtool_folder: Path | None,
    cache: Cache | None,
    *,
    tune: bool,
) -> Iterator[Play]:
    """Each world; MissingTool before any work."""
    from ..rules.plays import backtest, backtest_and_export
    from ..rules.prometheus import program

    for name in names:
        if promtool_folder is None:
            yield partial(backtest, rules, name, seed=seed, tune=tune, cache=cache)
        else:  # what is kept is for Prometheus to read, and promtool wants it written out
            yield partial(backtest_and_export, rules, name, promtool_folder, seed=seed, tune=tune)
    if names:
        program("prometheus")


def _plays(
    rules: Sequence[Rule],
    recordings: Sequence[Path],
    url: str | None,
    start: float | None,
    end: float | None,
    cache: Cache | None,
    *,
    tune: bool,
) -> Iterator[Play]:
    """Each recording and the server's past, checked before any work: UsageError, MissingTool."""
    from ..collector.errors import UsageError
    from ..collector.promapi import TENANT, TOKEN, Server
    from ..rules.prometheus import program
    from ..rules.recordings import backtest_recording
    from ..rules.servers import backtest_server

    for folder in recordings:
        yield partial(backtest_recording, rules, folder, tune=tune, cache=cache)
    if recordings:
        program("prometheus")
    if url is None and (start is not None or end is not None):
        raise UsageError("--from and --to go with --prometheus")
    if url is not None:
        if start is None or end is None or not start < end:
            raise UsageError(f"{url}: a Prometheus has no end: give --from and --to, the earlier time first")
        server = Server(url, os.environ.get(TOKEN, ""), os.environ.get(TENANT, ""))
        yield partial(backtest_server, rules, server, start, end)


def _worlds(names: Sequence[str]) -> tuple[str, ...]:
    """The scenarios of these names, each once; UsageError for one that there is none of."""
    from ..synthetic import SCENARIOS, scenario

    for name in names:
        if name != "all":
            scenario(name)
    return tuple(SCENARIOS) if "all" in names else tuple(dict.fromkeys(names))
