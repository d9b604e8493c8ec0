"""How fast samples are loaded and public alert rules evaluated, beside `promtool test rules` on the same samples.

`--data DIR` names the folder with `rules/*.yml`.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import chain, zip_longest
from pathlib import Path

import numpy as np
import yaml

from epicenter.rules.files import Rule, read_rules
from epicenter.rules.loads import scraped_in
from epicenter.rules.needs import missing, reads, selecting
from epicenter.rules.prometheus import private, program
from epicenter.rules.replay import replay
from epicenter.rules.results import with_recorded
from epicenter.rules.worlds import missing_in, series_of
from epicenter.rules.write import Series, is_stale
from epicenter.synthetic import simulate

from .memory import memory_mib

SCENARIO = "aws-dynamodb-2025"
STEP_S, HOURS = 15.0, 3.0
SMALL, LARGE = 2_000, 10_000
_PLACES = ("instance", "namespace", "node")
COMPARED = 12
"""Alerts that promtool gets: it needs minutes for all."""


def run(options: argparse.Namespace) -> None:
    if options.data is None or not (options.data / "rules").is_dir():
        print("skipped: no folder of alert rules was named (--data DIR with rules/)")
        return
    rules = read_rules([str(options.data / "rules")]).rules
    every = _sampled(rules)
    small = every[:SMALL]
    whole = _played(rules, small)
    print(
        f"{len(small):,} series x {HOURS:g} h at {STEP_S:g} s: loaded in {whole['load']:.1f} s, all {len(rules)} rules"
        f" in {whole['rules']:.1f} s (the aims are 5 s each)"
    )
    large = _played(rules, [_copy(every[i % len(every)], i // len(every)) for i in range(LARGE)])
    print(
        f"{LARGE:,} series: loaded in {large['load']:.1f} s, all rules in {large['rules']:.1f} s, together"
        f" {large['load'] + large['rules']:.1f} s; at the most, Prometheus {large['mib']:,.0f} MiB and this"
        f" process {memory_mib('VmHWM'):,.0f} MiB (the aims are 40 s and 1 GB)"
    )
    _beside_promtool(rules, every)
    _coverage(rules)
    _library(options.data / "rules")


def _sampled(rules: Sequence[Rule]) -> list[Series]:
    """What the rules read in three hours around the trigger, the metrics in turns, so that the first are of all."""
    history = simulate(SCENARIO)
    start = (history.truth.trigger_start or history.start) - 3600.0
    times = start + STEP_S * np.arange(int(HOURS * 3600 / STEP_S) + 1, dtype=np.float64)
    by_name: dict[str, list[Series]] = {}
    for one in series_of(rules, history, history.tick_s):
        at = np.searchsorted(one.times, times, side="right") - 1
        there = (at >= 0) & (times - one.times[np.maximum(at, 0)] < history.tick_s)
        if there.any():
            made = Series(one.labels, times[there], one.values[at[there]])
            by_name.setdefault(one.labels["__name__"], []).append(made)
    return [one for one in chain.from_iterable(zip_longest(*by_name.values())) if one is not None]


def _copy(series: Series, number: int) -> Series:
    """The same in another cluster, where nothing that rules join by is the same."""
    labels = {key: f"{value}-{number}" if key in _PLACES else value for key, value in series.labels.items()}
    return replace(series, labels={**labels, "cluster": str(number)}) if number else series


def _played(rules: Sequence[Rule], series: Sequence[Series]) -> dict[str, float]:
    with private() as prometheus:
        begun = time.perf_counter()
        prometheus.write(series)
        loaded = time.perf_counter()
        assert prometheus.pid is not None
        played = replay(rules, prometheus, *_span(series))
        refused = [one.refused for one in played if one.refused is not None]
        assert not refused, refused
        seconds = {"load": loaded - begun, "rules": time.perf_counter() - loaded}
        return seconds | {"mib": memory_mib("VmHWM", prometheus.pid)}


def _span(series: Iterable[Series]) -> tuple[float, float]:
    ends = [(one.times[0], one.times[-1]) for one in series]
    return min(first for first, _ in ends), max(last for _, last in ends)


def _beside_promtool(rules: Sequence[Rule], every: Sequence[Series]) -> None:
    """Of what a backtest is given it loads what its rules read, which promtool may be spared as well."""
    small = every[:SMALL]
    there = with_recorded(rules, scraped_in(small))
    made = {rule.name for rule in rules if not rule.alert}
    alerts = [rule for rule in rules if rule.alert and not missing(rule.expr, there) and not reads(rule.expr) & made]
    chosen = [replace(rule, interval_s=STEP_S) for rule in alerts[:: max(1, len(alerts) // COMPARED)][:COMPARED]]
    read, of_all = _read(chosen, small), _read(chosen, every)
    filled = [_copy(of_all[i % len(of_all)], i // len(of_all)) for i in range(SMALL)]
    for given in (small, read, filled):
        with _timed() as ours:
            taken = _read(chosen, given)
            evaluated = _played(chosen, taken)["rules"]
        theirs = _promtool(chosen, given)
        print(
            f"{len(chosen)} alerts over {len(given):,} series, of which they read {len(taken):,}: {evaluated:.2f} s"
            f" once loaded, {ours[0]:.1f} with start and loading; promtool {theirs[0]:.1f}: {theirs[0] / evaluated:.0f}"
            f" and {theirs[0] / ours[0]:.0f} times as long, {theirs[1] / ours[1]:.0f} by CPU with loading (the aim is"
            " 10)"
        )


def _read(rules: Sequence[Rule], series: Iterable[Series]) -> list[Series]:
    wanted = selecting(rule.expr for rule in rules)
    return [one for one in series if wanted(one.labels["__name__"])]


def _promtool(rules: Sequence[Rule], series: Sequence[Series]) -> list[float]:
    """Its seconds, and those of CPU."""
    with tempfile.TemporaryDirectory(prefix="epicenter-bench-") as name:
        test = _test(Path(name), rules, series)
        with _timed() as took:
            told = subprocess.run([program("promtool"), "test", "rules", test], capture_output=True, text=True)
    said = told.stdout + told.stderr
    assert "SUCCESS" in said or "got:" in said, said[:1000]  # it has evaluated, whatever fired at the end
    return took


def _test(folder: Path, rules: Sequence[Rule], series: Sequence[Series]) -> str:
    """A unit test of the rules that asks one thing, at its end."""
    start, end = _span(series)
    groups = [
        {"name": "g", "rules": [{"alert": one.name, "expr": one.expr, "for": f"{one.for_s:g}s"} for one in rules]}
    ]
    (folder / "rules.yml").write_text(yaml.safe_dump({"groups": groups}), encoding="utf-8")
    steps = round((end - start) / STEP_S) + 1
    lines = [
        f"rule_files: [rules.yml]\nevaluation_interval: {STEP_S:g}s\ntests:\n- interval: {STEP_S:g}s\n  input_series:"
    ]
    for one in series:
        values = np.full(steps, "_", object)
        told = [
            "stale" if ends else repr(float(value))
            for value, ends in zip(one.values, is_stale(one.values), strict=True)
        ]
        values[np.round((one.times - start) / STEP_S).astype(int)] = told
        labels = ",".join(f'{key}="{value}"' for key, value in one.labels.items() if key != "__name__")
        name = yaml.safe_dump(f"{one.labels['__name__']}{{{labels}}}", default_style='"', width=10**9).strip()
        lines.append(f"  - series: {name}\n    values: {' '.join(values)}")
    lines.append(f"  alert_rule_test: [{{eval_time: {end - start:g}s, alertname: {rules[0].name}, exp_alerts: []}}]\n")
    (folder / "test.yml").write_text("\n".join(lines), encoding="utf-8")
    return str(folder / "test.yml")


def _coverage(rules: Sequence[Rule]) -> None:
    told = missing_in(rules, SCENARIO)
    print(
        f"{told.present} of the {told.read} metrics that the rules read by name are in {SCENARIO}; {told.testable} of"
        f" the {told.alerts} alerts can be tested there, {len(told.still)} of which read nothing that changes; the"
        " others lack:"
    )
    for gap in told.gaps:
        print(f"  {gap.need}: {', '.join(gap.alerts)}")


def _library(rules: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="epicenter-bench-") as cache:
        command = [
            str(Path(sys.executable).with_name("epicenter")),
            "backtest",
            str(rules),
            "--scenario",
            "all",
            "--cache",
            cache,
        ]
        for when in ("at first", "with every world kept"):
            with _timed() as took:
                subprocess.run(command, capture_output=True, check=True)
            print(f"the whole library {when}: {took[0]:.0f} s, {took[1]:.0f} of CPU (the aim is 180 s on two cores)")
        size = sum(path.stat().st_size for path in Path(cache).rglob("*") if path.is_file())
        print(f"kept: {size / 2**20:,.0f} MiB")


@contextmanager
def _timed() -> Generator[list[float]]:
    """Receives, at the end of the block, its seconds, and those of CPU with its children's that ended."""
    took: list[float] = []
    begun, cpu = time.perf_counter(), _cpu_s()
    yield took
    took += [time.perf_counter() - begun, _cpu_s() - cpu]


def _cpu_s() -> float:
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)
