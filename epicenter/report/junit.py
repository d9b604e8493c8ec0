"""A backtest as JUnit XML: a suite a world, a case an expectation and an alert.

Only expectations fail. An alert that cannot be tested is skipped, one that Prometheus refuses is an error; of any other
the verdict is its output. Format: the schema of Jenkins' xUnit plugin, which GitLab and GitHub's actions read too.
"""

from __future__ import annotations

from xml.etree.ElementTree import Element, SubElement, indent, tostring

from ..rules.expectations import Checked
from ..rules.results import Backtest
from ..rules.totals import Report
from ..rules.verdicts import Verdict
from .alerts import SAYS, about
from .words import plain


def render(report: Report) -> bytes:
    """The whole file, UTF-8."""
    suites = Element("testsuites", name="epicenter backtest")
    for result in report.scenarios:
        _suite(suites, result, [one for one in report.expectations if one.scenario == result.scenario])
    indent(suites)
    return tostring(suites, encoding="utf-8", xml_declaration=True) + b"\n"


def _suite(suites: Element, result: Backtest, checked: list[Checked]) -> None:
    suite = SubElement(
        suites,
        "testsuite",
        name=plain(result.scenario),
        tests=str(len(checked) + len(result.verdicts)),
        failures=str(sum(not one.held for one in checked)),
        errors=str(sum(one.refused is not None for one in result.verdicts)),
        skipped=str(sum(one.kind == "untestable" for one in result.verdicts)),
    )
    for one in checked:
        case = SubElement(suite, "testcase", classname=plain(result.scenario), name=plain(one.expectation))
        if not one.held:
            SubElement(case, "failure", message="does not hold").text = "\n".join(map(plain, one.why.splitlines()))
    for verdict in result.verdicts:
        _case(suite, result, verdict)


def _case(suite: Element, result: Backtest, verdict: Verdict) -> None:
    name = f"{verdict.group}: {verdict.name}"
    case = SubElement(suite, "testcase", classname=plain(result.scenario), name=plain(name), file=plain(verdict.file))
    if verdict.line:
        case.set("line", str(verdict.line))
    if verdict.refused is not None:
        SubElement(case, "error", message=plain(verdict.refused))
    elif verdict.kind == "untestable":
        SubElement(case, "skipped", message=plain(about(verdict, result.place)))
    else:
        SubElement(case, "system-out").text = plain(
            f"{SAYS[verdict.kind]}: {about(verdict, result.place)}".rstrip(": ")
        )
