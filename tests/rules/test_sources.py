"""Rules over a recording, with its truth and without, and over the past of somebody's own Prometheus."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml

from epicenter.collector.errors import UnreadableInput
from epicenter.collector.promapi import Server
from epicenter.report.alerts import about
from epicenter.rules.cache import Cache
from epicenter.rules.files import Rule, read_rules
from epicenter.rules.prometheus import evaluate
from epicenter.rules.recordings import backtest_recording
from epicenter.rules.results import Backtest
from epicenter.rules.servers import backtest_server
from epicenter.rules.verdicts import Verdict
from epicenter.rules.worlds import METRICS, chosen, over, series_of
from epicenter.rules.write import Series, is_stale
from epicenter.synthetic import History
from epicenter.synthetic.telemetry.metrics import scrape_times
from epicenter.synthetic.telemetry.mix import DEFAULT
from epicenter.synthetic.telemetry.record import record
from epicenter.synthetic.truth import Truth
from tests.programs import require
from tests.prometheus import exposition, holding
from tests.rules.shipped import FILES
from tests.simulated import simulated
from tests.synthetic.dialects import EVERY_S, rich_history

BY_HAND = Path(__file__).with_name("by_hand.yml")
BEGIN, END, BROKEN, MENDED = 1_700_000_040.0, 1_700_003_640.0, 1_700_001_240.0, 1_700_002_440.0
TIMES = np.arange(BEGIN, END, 30.0)
FAILS = ((TIMES >= BROKEN) & (TIMES < MENDED)).astype(float)
SERIES = [
    Series({"__name__": "failing", "instance": "db.internal:5432"}, TIMES, FAILS),
    Series({"__name__": "failing", "job": "web"}, TIMES, FAILS),
    Series({"__name__": "calm"}, TIMES, np.zeros_like(TIMES)),
]
TRUTH = Truth(
    *("db.internal", ("db",), "dns", "cause", "nxdomain", False, False, ()),
    storm_start=None,
    storm_end=None,
    trigger_start=BROKEN,
    trigger_end=MENDED,
    incident=(BROKEN, MENDED),
    affected={"web": BROKEN},
    phases=(),
)
RULES = """groups:
  - name: g
    interval: 30s
    rules:
      - {record: "all:failing:sum", expr: sum(failing)}
      - {alert: Database, expr: 'failing{instance=~"db.*"} == 1', for: 1m}
      - {alert: Web, expr: 'failing{job="web"} == 1'}
      - {alert: Recorded, expr: "all:failing:sum > 1"}
      - {alert: Calm, expr: calm > 0}
      - {alert: Nobody, expr: nobody_has_this > 0}
"""


@pytest.fixture
def rules(tmp_path: Path) -> tuple[Rule, ...]:
    require("prometheus")
    (tmp_path / "rules.yml").write_text(RULES, encoding="utf-8")
    return read_rules([str(tmp_path / "rules.yml")]).rules


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    folder = tmp_path / "recording"
    folder.mkdir()
    (folder / "samples.om").write_text("".join(exposition(SERIES)), encoding="utf-8")
    return folder


def kinds(result: Backtest) -> dict[str, str]:
    return {one.name: one.kind for one in result.verdicts}


def test_a_recording_is_loaded_once_until_a_file_of_it_changes(
    rules: tuple[Rule, ...], recording: Path, tmp_path: Path
) -> None:
    cache = Cache(tmp_path / "cache")

    def entries() -> dict[str, int]:
        return {path.name: (path / "about.json").stat().st_ino for path in (cache.folder / "worlds").iterdir()}

    results = [backtest_recording(rules, recording), backtest_recording(rules, recording, cache=cache)]
    begun = entries()
    elsewhere = shutil.copytree(recording, tmp_path / "elsewhere")
    results.append(replace(backtest_recording(rules, elsewhere, cache=cache), scenario=str(recording)))
    assert (results[1:], entries()) == (results[:1] * 2, begun)
    (recording / "truth.json").write_text(TRUTH.to_json(), encoding="utf-8")
    assert backtest_recording(rules, recording, cache=cache).truth == TRUTH
    assert len(entries()) == len(begun) + 1


def test_a_recording_with_its_truth_is_judged(rules: tuple[Rule, ...], recording: Path) -> None:
    (recording / "truth.json").write_text(TRUTH.to_json(), encoding="utf-8")
    result = backtest_recording(rules, recording)
    assert kinds(result) == {
        "Database": "cause",
        "Web": "symptom",
        "Recorded": "unattributed",
        "Calm": "quiet",
        "Nobody": "untestable",
    }
    assert result.verdicts[0].to_detect_s == 60.0
    (recording / "truth.json").write_text("{}", encoding="utf-8")
    with pytest.raises(UnreadableInput, match="is no truth of a simulated world"):
        backtest_recording(rules, recording)


@pytest.mark.parametrize(
    ("names", "kind", "component"), [({"shop": ["web"]}, "symptom", "shop"), ({}, "unattributed", "")]
)
def test_names_that_people_write_into_a_truth_are_known(
    names: dict[str, list[str]], kind: str, component: str, rules: tuple[Rule, ...], recording: Path
) -> None:
    told = replace(TRUTH, affected={"shop": BROKEN})
    (recording / "truth.json").write_text(told.to_json(names=names), encoding="utf-8")
    verdict = {one.name: one for one in backtest_recording(rules, recording).verdicts}["Web"]
    assert (verdict.kind, [one.component for one in verdict.firings]) == (kind, [component])


@pytest.mark.parametrize(
    "beside", [{"scenario": "our outage of May", "metrics": ["ours"]}, {"scenario": "restart-herd"}]
)
def test_what_people_call_their_outage_makes_it_no_recorded_world(
    beside: dict[str, object], rules: tuple[Rule, ...], tmp_path: Path
) -> None:
    """Its targets are scraped at moments of their own."""
    (tmp_path / "r").mkdir()
    series = [SERIES[0], replace(SERIES[1], times=TIMES + 10.0), SERIES[2]]
    (tmp_path / "r" / "samples.om").write_text("".join(exposition(series)), encoding="utf-8")
    (tmp_path / "r" / "truth.json").write_text(TRUTH.to_json(**beside), encoding="utf-8")
    result = backtest_recording(rules, tmp_path / "r")
    told = kinds(result)
    assert (told["Database"], told["Web"]) == ("cause", "symptom")
    assert not any("--for-rules" in problem for problem in result.problems)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ({"incident": None}, "`trigger_start` and `incident` are told both, or neither"),
        ({"trigger_start": None}, "`trigger_start` and `incident` are told both, or neither"),
        ({"incident": [MENDED, BROKEN]}, "its `incident` does not start before it ends"),
        ({"root_component": "\udcff"}, "utf-8"),
    ],
)
def test_a_truth_that_cannot_be_one_is_refused_in_one_sentence(
    content: dict[str, object], why: str, recording: Path
) -> None:
    told = json.dumps({**json.loads(TRUTH.to_json()), **content}, ensure_ascii=False)
    (recording / "truth.json").write_bytes(told.encode(errors="surrogateescape"))
    with pytest.raises(UnreadableInput, match=f"is no truth of a simulated world: .*{re.escape(why)}") as caught:
        backtest_recording((), recording)
    assert "\n" not in str(caught.value)


def test_without_a_truth_it_is_told_what_fired_when_and_nothing_is_judged(
    rules: tuple[Rule, ...], recording: Path
) -> None:
    result = backtest_recording(rules, recording)
    assert kinds(result) == {
        "Database": "fired",
        "Web": "fired",
        "Recorded": "fired",
        "Calm": "quiet",
        "Nobody": "untestable",
    }
    assert [one.firing.start for one in result.verdicts[0].firings] == [BROKEN + 60]
    assert about(result.verdicts[-1], result.place) == "not in this recording: nobody_has_this"
    assert (result.truth, result.pages, result.coverage) == (None, None, ())


def test_a_users_own_server_is_asked_and_never_written_to(rules: tuple[Rule, ...]) -> None:
    with holding(SERIES) as prometheus:
        result = backtest_server(rules, Server(prometheus.url), BEGIN, END)
        assert evaluate(prometheus, '{__name__=~"ALERTS|all:.+"}', BEGIN, END, 30.0) == []
    assert about(result.verdicts[-1], result.place) == "not on this server: nobody_has_this"
    # the recording rule does not run there, so that the alert on it has nothing to read
    assert kinds(result) == {
        "Database": "fired",
        "Web": "fired",
        "Recorded": "untestable",
        "Calm": "quiet",
        "Nobody": "untestable",
    }
    (told,) = result.problems
    assert "rule Recorded: reads all:failing:sum, which rules make; nothing is written" in told


def test_a_series_of_a_world_is_marked_where_it_ends(tmp_path: Path) -> None:
    (tmp_path / "rules.yml").write_text(RULES.replace("calm > 0", "envoy_server_live == 0"), encoding="utf-8")
    series = series_of(read_rules([str(tmp_path)]).rules, rich_history(), EVERY_S)
    last = scrape_times(rich_history(), EVERY_S)[-1]
    marked = [one for one in series if is_stale(one.values).any()]
    assert marked
    for one in series:
        ends = is_stale(one.values)
        gaps = np.append(np.diff(one.times) > EVERY_S, one.times[-1] < last)
        assert ends[gaps].all()
        assert not np.isnan(one.values[~ends]).any()


def test_a_recorded_world_is_judged_as_the_world_itself(tmp_path: Path) -> None:
    """By hosts, and by the resolvers that fail."""
    history, told = simulated("dns-servfail-partial"), read_rules([str(path) for path in (*FILES, BY_HAND)]).rules
    recorded, world = _recorded(history, METRICS, told, tmp_path), over(told, history)
    assert kinds(recorded) == kinds(world)
    assert [_fired(one) for one in recorded.verdicts] == [_fired(one) for one in world.verdicts]
    assert {one.kind for one in world.verdicts} >= {"cause", "symptom", "untestable"}
    assert (recorded.pages, recorded.coverage) == (world.pages, world.coverage)
    assert not any("--for-rules" in problem for problem in recorded.problems)


def test_what_was_not_recorded_of_a_world_is_said_and_the_rest_is_judged_as_there(tmp_path: Path) -> None:
    history, told = simulated("restart-herd"), read_rules([str(BY_HAND)]).rules
    recorded, world = _recorded(history, DEFAULT.metrics, told, tmp_path), over(told, history)
    assert kinds(world)["PodWaitsToBeStartedAgain"] == "cause"
    assert kinds(recorded) == kinds(world) | {"PodWaitsToBeStartedAgain": "untestable"}
    (said,) = recorded.problems
    assert said.endswith("`epicenter simulate restart-herd --for-rules` records all that are played")


def test_buckets_of_a_world_that_is_recorded_as_openmetrics_have_the_bounds_of_the_world(tmp_path: Path) -> None:
    require("prometheus")
    world, mix = replace(rich_history(), scenario="plain-failure"), replace(DEFAULT, metrics=METRICS)
    buckets = chosen(world, 60.0, lambda name: name.endswith("_bucket"))
    bounds = sorted({(one.labels["__name__"], one.labels["le"]) for one in buckets})
    assert len({name for name, _ in bounds}) > 20
    alerts = [{"alert": "A", "expr": f'{name}{{le="{bound}"}} >= 0'} for name, bound in bounds]
    (tmp_path / "rules.yml").write_text(yaml.safe_dump({"groups": [{"name": "g", "rules": alerts}]}), encoding="utf-8")
    record(world, tmp_path / "r", spans_per_second=0.2, seed=0, file_format="openmetrics", mix=mix)
    result = backtest_recording(read_rules([str(tmp_path / "rules.yml")]).rules, tmp_path / "r")
    assert [one.needs for one in result.verdicts if one.kind == "untestable"] == []


def test_a_series_of_a_recorded_world_ends_there_whatever_else_is_played(tmp_path: Path) -> None:
    require("prometheus")
    there = TIMES[TIMES < MENDED]
    waits = Series({"__name__": "waits", "job": "web"}, there, (there >= BROKEN).astype(float))
    (tmp_path / "r").mkdir()
    (tmp_path / "r" / "samples.om").write_text("".join(exposition([waits, SERIES[2]])), encoding="utf-8")
    beside = TRUTH.to_json(scenario="restart-herd", metrics=METRICS)
    (tmp_path / "r" / "truth.json").write_text(beside, encoding="utf-8")
    rule, other = "{alert: Waits, expr: waits == 1}", "{alert: Calm, expr: calm > 0}"
    for played in ([rule], [rule, other]):
        group = {"name": "g", "interval": "30s", "rules": [yaml.safe_load(one) for one in played]}
        (tmp_path / "rules.yml").write_text(yaml.safe_dump({"groups": [group]}), encoding="utf-8")
        verdict = backtest_recording(read_rules([str(tmp_path / "rules.yml")]).rules, tmp_path / "r").verdicts[0]
        assert [(one.firing.start, one.firing.end) for one in verdict.firings] == [(BROKEN, MENDED - 30)]


def _recorded(history: History, metrics: Sequence[str], told: Sequence[Rule], folder: Path) -> Backtest:
    require("prometheus")
    mix = replace(DEFAULT, metrics=tuple(metrics))
    return backtest_recording(told, record(history, folder / "r", spans_per_second=0.2, seed=0, mix=mix))


def _fired(verdict: Verdict) -> list[tuple[object, ...]]:
    """Each firing but its value, of which sums in another order make another last digit; in one order."""
    found = ((one.kind, one.component, one.firing) for one in verdict.firings)
    return sorted((kind, on, *sorted(at.labels.items()), at.start, at.end) for kind, on, at in found)
