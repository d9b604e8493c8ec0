"""What each kind of firing is judged to be, with its times, flaps and value, and which labels name the root."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from epicenter.report.alerts import trust
from epicenter.rules.files import Rule, read_rules
from epicenter.rules.played import Firing, Played
from epicenter.rules.recordings import backtest_recording
from epicenter.rules.results import Backtest
from epicenter.rules.totals import report
from epicenter.rules.verdicts import Verdict, components_of, judge
from epicenter.rules.worlds import seen_in, series_of
from epicenter.rules.write import Series
from epicenter.synthetic import History
from epicenter.synthetic.truth import TruePhase, Truth
from tests.programs import require
from tests.prometheus import exposition
from tests.rules.verdicts import OUTAGE, fired, verdict
from tests.simulated import simulated

BEGIN, END, BROKEN = 1_700_000_040.0, 1_700_003_640.0, 1_700_001_240.0
TIMES = np.arange(BEGIN, END, 30.0)
TRUTH = replace(
    OUTAGE,
    trigger_start=BROKEN,
    trigger_end=BROKEN + 600,
    storm_start=BROKEN + 600,
    storm_end=BROKEN + 1200,
    incident=(BROKEN, BROKEN + 1500),
    affected={"web": BROKEN + 30},
    phases=(TruePhase("users affected", BROKEN + 30, BROKEN + 1500),),
)
RULES = """groups:
  - name: g
    interval: 30s
    rules:
      - {alert: Storm, expr: retries > 1}
      - {alert: Race, expr: behind > 1}
      - {alert: Wolf, expr: busy > 0.5}
      - {alert: Flapping, expr: failing > 1}
"""


def series(name: str, labels: dict[str, str], *stretches: tuple[float, float, float]) -> Series:
    """Zero but between seconds from the onset, where it has the value that stands third."""
    values = np.zeros_like(TIMES)
    for start, end, value in stretches:
        values[np.searchsorted(TIMES, BROKEN + start) : np.searchsorted(TIMES, BROKEN + end)] = value
    return Series({"__name__": name, **labels}, TIMES, values)


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Verdict]:
    require("prometheus")
    folder = tmp_path_factory.mktemp("verdicts")
    (folder / "rules.yml").write_text(RULES, encoding="utf-8")
    recording = folder / "recording"
    recording.mkdir()
    samples = [
        series("retries", {"client": "web"}, (690, 900, 42.0)),
        series("behind", {"instance": "db:5432"}, (-600, -540, 3.0)),
        series("busy", {"job": "batch"}, (-300, -240, 0.75)),
        series("failing", {"instance": "db:5432"}, (60, 120, 7.0), (180, 240, 8.0), (300, 360, 9.0)),
        series("failing", {"instance": "db:5433"}, (90, 120, 5.0)),
    ]
    (recording / "samples.om").write_text("".join(exposition(samples)), encoding="utf-8")
    (recording / "truth.json").write_text(TRUTH.to_json(), encoding="utf-8")
    result = backtest_recording(read_rules([str(folder / "rules.yml")]).rules, recording)
    return {one.name: one for one in result.verdicts}


@pytest.mark.parametrize(
    ("name", "kind", "to_detect_s", "after_impact_s", "flaps"),
    [
        ("Storm", "loop", 690.0, 660.0, 0),
        ("Race", "early", None, None, 0),
        ("Wolf", "false_alarm", None, None, 0),
        ("Flapping", "cause", 60.0, 30.0, 2),
    ],
)
def test_a_verdict_tells_the_kind_the_times_and_how_often_a_label_set_came_back(
    judged: dict[str, Verdict],
    name: str,
    kind: str,
    to_detect_s: float | None,
    after_impact_s: float | None,
    flaps: int,
) -> None:
    one = judged[name]
    assert (one.kind, one.to_detect_s, one.after_impact_s, one.flaps) == (kind, to_detect_s, after_impact_s, flaps)


@pytest.mark.parametrize(
    ("name", "firings"),
    [
        ("Storm", [("loop", "web", 690, 870, 42.0)]),
        ("Race", [("early", "db", -600, -570, 3.0)]),
        ("Wolf", [("false_alarm", "", -300, -270, 0.75)]),
        (
            "Flapping",
            [
                ("cause", "db", 60, 90, 7.0),
                ("cause", "db", 90, 90, 5.0),
                ("cause", "db", 180, 210, 8.0),
                ("cause", "db", 300, 330, 9.0),
            ],
        ),
    ],
)
def test_each_firing_has_its_component_its_first_and_last_evaluation_and_the_value_at_first(
    judged: dict[str, Verdict], name: str, firings: Sequence[tuple[str, str, int, int, float]]
) -> None:
    found = [(one.kind, one.component, one.firing) for one in judged[name].firings]
    told = [(kind, of, at.start - BROKEN, at.end - BROKEN, at.value) for kind, of, at in found]
    assert told == firings


@pytest.mark.parametrize(
    ("label", "start", "kind"),
    [
        ("web", 1500 + 3600, "symptom"),
        ("web", 1500 + 3601, "false_alarm"),
        ("batch", 1500 + 3600, "unattributed"),
        ("batch", 1500 + 3601, "false_alarm"),
        ("db", 1500 + 3600, "cause"),
        ("db", 1500 + 3601, "false_alarm"),
        ("db", 0, "cause"),
        ("db", -1, "early"),
        ("db", -7200, "early"),
        ("db", -7201, "false_alarm"),
        ("web", -1, "false_alarm"),
    ],
)
def test_an_hour_after_the_outage_and_two_before_it_are_where_false_alarms_begin(
    label: str, start: float, kind: str
) -> None:
    """`start` in seconds from the onset; the outage lasts 1500."""
    firing = Firing({"of": label}, BROKEN + start, BROKEN + start + 60, 1.0)
    played = Played(_rule("m > 1"), 1, (firing,))
    assert judge(played, TRUTH, {"db": "db", "web": "web"}, {"m": {}}).kind == kind


def test_resolvers_that_fail_to_answer_are_the_root_by_all_that_their_metrics_call_them() -> None:
    names = _names("dns-servfail-partial")
    root = simulated("dns-servfail-partial").truth.root_component
    pods = {name for name in names if name.startswith("coredns-") and ":" not in name}
    for name in ("10.0.0.2:53", "kube-dns", "unbound", root.partition(".")[2], *(f"{pod}:9153" for pod in pods)):
        assert names[name] == root
    asked = {one.resolver for one in simulated("dns-servfail-partial").lookups}
    assert 0 < len(pods) < len(asked)  # the others answer
    assert not {"kube-system", "", "."} & names.keys()


def test_resolvers_that_hand_on_what_the_zone_says_have_no_part_in_it() -> None:
    assert not {"10.0.0.2:53", "kube-dns", "unbound"} & _names("dns-root-no-storm").keys()


@pytest.mark.parametrize(
    ("label", "before", "during"),
    [("10.0.0.2:53", "false_alarm", "cause"), ("", "early", "cause"), ("kube-system", "false_alarm", "unattributed")],
)
def test_a_resolver_is_the_root_while_it_fails_and_no_forewarning_on_the_days_before(
    label: str, before: str, during: str
) -> None:
    truth = simulated("dns-servfail-partial").truth
    rule = _rule("m > 1")
    found: list[str] = []
    for start in (truth.trigger[0] - 600.0, truth.trigger[0] + 60.0):
        firing = Firing({"to": label or truth.root_component}, start, start + 60.0, 1.0)
        played = Played(rule, 1, (firing,))
        found.append(judge(played, truth, _names("dns-servfail-partial"), {"m": {}}).kind)
    assert found == [before, during]


@pytest.mark.parametrize(
    ("label", "kind"),
    [
        ("app/db/674f1bb2c0d1e3a5", "cause"),
        ("net/db/674f1bb2c0d1e3a5", "cause"),
        ("gwy/db", "cause"),
        ("targetgroup/db/943f017f100becff", "cause"),
        ("arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/app/db/674f1bb2c0d1e3a5", "cause"),
        ("arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/db/943f017f100becff", "cause"),
        ("outbound|80||db", "cause"),
        ("outbound|5432|v2|db", "cause"),
        ("arn:aws:lambda:eu-west-1:123456789012:function:db", "cause"),
        ("arn:aws-cn:lambda:cn-north-1:123456789012:function:db:live", "cause"),
        ("arn:aws:lambda:eu-west-1:123456789012:layer:db", "unattributed"),
        ("a|db", "unattributed"),
        ("https://other/app/db", "unattributed"),
        ("app/other/674f1bb2c0d1e3a5", "unattributed"),
    ],
)
def test_balancers_and_functions_of_aws_and_clusters_of_istio_are_known_by_the_name_in_theirs(
    label: str, kind: str
) -> None:
    played = Played(_rule("m > 1"), 1, (Firing({"to": label}, BROKEN + 60.0, BROKEN + 120.0, 1.0),))
    assert judge(played, TRUTH, {"db": "db", "web": "web"}, {"m": {}}).kind == kind


def test_a_lambda_function_of_a_world_is_its_service(flagship: History) -> None:
    labels = {
        "dimension_FunctionName": "food-ordering-invoke",
        "name": "arn:aws:lambda:us-east-1:123456789012:function:food-ordering-invoke",
    }
    functions = series_of([_rule("aws_lambda_errors_sum > 0")], flagship, 1800.0)
    assert any(labels.items() <= one.labels.items() for one in functions)
    seen = seen_in(flagship)
    assert seen.truth is not None
    onset = seen.truth.affected["food-ordering"]
    names = components_of(seen.truth, seen.services)
    for name, value in labels.items():
        firing = Firing({name: value}, onset + 60.0, onset + 120.0, 1.0)
        (one,) = judge(Played(_rule("m > 1"), 1, (firing,)), seen.truth, names, {"m": {}}).firings
        assert (one.kind, one.component) == ("symptom", "food-ordering")


def test_an_outage_in_which_it_fired_and_named_nobody_is_told_apart_from_one_that_it_missed() -> None:
    unnamed = verdict("A", "unattributed", fired("unattributed", 1120, 1300))
    worlds = [_world(TRUTH, one) for one in (unnamed, verdict("A", "quiet"), unnamed)]
    (one,) = report((), worlds).rules
    assert (one.tested, one.caught, one.unnamed) == (3, 0, 2)
    assert trust(one).startswith("caught 0 of 3 outages; fired in 2 others without naming anybody")


def test_what_a_component_is_called_is_no_others_and_what_two_go_by_is_nobodys() -> None:
    truth = replace(TRUTH, root_aliases=("db.internal",))
    services = {
        "checkout": ["shared.example", "web", "checkout.example", "db.example"],
        "cart": ["shared.example"],
        "web": ["web.example"],
        "db.internal": ["resolver"],
        truth.root_component: ["resolver", "db.example"],  # the same, by itself and by an alias
    }
    for order in (services, dict(reversed(services.items()))):
        names = components_of(truth, order)
        assert (names["web"], names["checkout.example"], names["web.example"]) == ("web", "checkout", "web")
        assert names.keys().isdisjoint({"shared.example", "db.example"})
        assert "resolver" in names


def _rule(expr: str) -> Rule:
    return Rule("A", True, expr, 0.0, 0.0, {}, "rules.yml", "g", 4, 30.0, 0)


def _names(scenario: str) -> dict[str, str]:
    seen = seen_in(simulated(scenario))
    assert seen.truth is not None
    return components_of(seen.truth, seen.services)


def _world(truth: Truth, one: Verdict) -> Backtest:
    return Backtest("made-by-hand", BEGIN, END, truth, None, (), (one,), ())
