"""A backtest made by hand: every verdict, names that attack a page, a world that nobody knows, what does not hold."""

from __future__ import annotations

from dataclasses import replace

from epicenter.rules.advice import Advice
from epicenter.rules.expectations import Checked
from epicenter.rules.notifications import Notifications
from epicenter.rules.pages import coverage_of, pages_of
from epicenter.rules.played import Firing
from epicenter.rules.results import Backtest
from epicenter.rules.totals import report
from epicenter.rules.verdicts import Judged, Kind
from epicenter.synthetic.truth import TruePhase, Truth
from tests.report.example_analyses import ATTACK
from tests.rules.verdicts import OUTAGE, verdict

T0 = 1_760_940_000.0
TRUTH = replace(
    OUTAGE,
    trigger_start=T0 + 1000,
    trigger_end=T0 + 1400,
    storm_start=T0 + 1400,
    storm_end=T0 + 1800,
    incident=(T0 + 1000, T0 + 2000),
    affected={"web": T0 + 1100},
    phases=(TruePhase("users affected", T0 + 1100, T0 + 2000),),
)


def _fired(kind: Kind, start: float, end: float, **labels: str) -> Judged:
    return Judged(kind, "db" if kind == "cause" else "", Firing(labels, T0 + start, T0 + end, 0.5))


VERDICTS = (
    replace(
        verdict(
            "Cause", "cause", *(_fired("cause", 1100 + n, 1500, severity="page", pod=f"db-{n}") for n in range(20))
        ),
        to_detect_s=100.0,
        after_impact_s=0.0,
        flaps=3,
    ),
    verdict("Race", "early", _fired("early", 100, 900)),
    verdict("Storm", "loop", _fired("loop", 1450, 1800)),
    verdict(ATTACK, "symptom", _fired("symptom", 1200, 1900, job=ATTACK), _fired("false_alarm", 50, 90)),
    verdict("Anyone" * 20, "unattributed", _fired("unattributed", 1200, 3000)),
    verdict("CriesWolf", "false_alarm", *(_fired("false_alarm", at, at + 30) for at in range(0, 900, 90))),
    verdict("Quiet", "quiet"),
    verdict("Unseen", "untestable", needs=("node_memory_MemAvailable_bytes", ATTACK)),
    replace(verdict("Wrong", "refused"), refused=f"rules.yml, line 4: Prometheus refuses it: {ATTACK}"),
)
WORLD = Backtest(
    *("an-outage", T0, T0 + 3600, TRUTH),
    pages=pages_of(VERDICTS, TRUTH),
    coverage=coverage_of(VERDICTS, TRUTH, T0 + 3600),
    verdicts=VERDICTS,
    problems=(f"rules.yml, line 9: {ATTACK}",),
)
CALM = Backtest("a-calm-day", T0, T0 + 86_400, Truth.calm({}), pages_of((), Truth.calm({})), (), VERDICTS[6:], ())
UNKNOWN = Backtest("out/mine", T0, T0 + 600, None, None, (), (verdict("Fired", "fired", _fired("fired", 60, 90)),), ())
ADVICE = (
    Advice(("rules.yml", 4, "Cause"), "for", 600.0, 60.0, 1, 1, 1, 0, 0, 540.0, 86_400.0),
    Advice(("rules.yml", 4, ATTACK), "threshold", 0.05, 0.1, 1, 1, 1, 1, 3, -30.0, 86_400.0),
)
REPORT = replace(
    report(
        (),
        (WORLD, CALM, UNKNOWN),
        (
            Checked("an-outage", "Cause fires within 1m", False, f"Cause in an-outage:\n  {ATTACK}"),
            Checked("x", "y", True, ""),
        ),
        (Notifications("an-outage", 3, 1, 33, 2, {"phone": 3}, 130.0, 1 / 3),),
    ),
    advice=ADVICE,
)
EMPTY = report((), (Backtest("nothing", T0, T0 + 600, TRUTH, pages_of((), TRUTH), (), (), ()),))
