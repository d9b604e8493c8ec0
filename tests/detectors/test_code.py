"""What the detectors' code may not hold: names of the scenario library, and numbers without a reason."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from epicenter import detectors
from epicenter.collector.concepts import CONCEPTS
from epicenter.collector.model import ERROR_CLASSES
from epicenter.synthetic import SCENARIOS, scenario
from epicenter.synthetic.telemetry.metrics import DIALECTS, families
from epicenter.synthetic.world.estate import Estate
from tests.synthetic.dialects import EVERY_S, rich_history

CODE = sorted(Path(detectors.__file__).parent.glob("*.py"))

PLAIN = {0, 1, 2, 100, 60, 1000, 1e6, 1e9, 1e-9}
"""Nothing, one, twice, per cent, units, and what keeps a division from failing: no thresholds."""

BOUNDS = {"min", "max", "minimum", "maximum", "clip"}


def names() -> set[str]:
    """Services, hosts and metrics of all scenarios, but for words of the model: `connect`, a service, is an error class
    as well, and `up` a concept."""
    estates = [scenario(name, 0) for name in SCENARIOS]
    history, words_of_the_model = rich_history(), {"", *ERROR_CLASSES, *(concept.name for concept in CONCEPTS)}
    metrics = {family.name for dialect in DIALECTS for family in families(history, EVERY_S, (dialect,))}
    return {*SCENARIOS, *metrics, *(name for estate in estates for name in _named(estate))} - words_of_the_model


def _named(estate: Estate) -> Iterator[str]:
    for service in estate.services:
        yield from (service.name, *service.hosts)
    for edge in estate.edges:
        yield from (edge.client, edge.server, edge.peer, edge.via, edge.link)
    yield from (*estate.naming.resolvers, *estate.naming.without_aaaa, *estate.probing.names)
    if estate.cause is not None:
        yield from (estate.cause.component, *estate.cause.aliases)


def words(code: str) -> set[str]:
    """The strings of a module and the names that stand in them, without its docstrings."""
    tree = ast.parse(code)
    told = {node.value for node in ast.walk(tree) if isinstance(node, ast.Expr)}  # docstrings, of constants too
    strings = {
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in told
    }
    return {word.strip(".") for string in strings for word in (string, *re.findall(r"[\w.:/-]+", string))}


def test_no_detector_knows_a_scenario_a_service_a_host_or_a_metric_by_name() -> None:
    known = names()
    assert {"aws-dynamodb-2025", "dynamodb.us-east-1.amazonaws.com", "coredns_dns_responses_total"} <= known
    assert {path.name: found for path in CODE if (found := words(path.read_text(encoding="utf-8")) & known)} == {}


def test_names_are_seen_in_code_and_not_in_docstrings() -> None:
    code = '"""Of billing-api."""\nHOST = "nlb"\n"""Like sts."""\ndef f(): return f"calls to {HOST} of tax-api."\n'
    assert words(code) & {"billing-api", "sts", "nlb", "tax-api"} == {"nlb", "tax-api"}


def thresholds(code: str) -> Iterator[tuple[int, float]]:
    """Line and value of each bare number within a function that something is compared with, times or bounded by."""
    for function in ast.walk(ast.parse(code)):
        if isinstance(function, ast.FunctionDef):
            for node in ast.walk(function):
                for operand in _operands(node):
                    number = operand.operand if isinstance(operand, ast.UnaryOp) else operand
                    if isinstance(number, ast.Constant) and isinstance(number.value, int | float):
                        yield number.lineno, number.value


def _operands(node: ast.AST) -> list[ast.expr]:
    if isinstance(node, ast.Compare):
        return [node.left, *node.comparators]
    if isinstance(node, ast.BinOp) and not isinstance(node.op, ast.Div):  # a third is no threshold
        return [node.left, node.right]
    if isinstance(node, ast.Call):
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        return [*node.args, *(keyword.value for keyword in node.keywords)] if name in BOUNDS else []
    return []


@pytest.mark.parametrize("path", CODE, ids=lambda path: path.stem)
def test_no_threshold_stands_in_a_function_without_a_name(path: Path) -> None:
    assert [(line, value) for line, value in thresholds(path.read_text(encoding="utf-8")) if value not in PLAIN] == []


def test_a_bare_threshold_is_seen() -> None:
    code = "def f(a):\n    return a > 0.3 or max(a, 7) or 0.5 * a or a < -4 or a[:3] or a / 3 or a > 0\n"
    assert sorted(value for _, value in thresholds(code)) == [0, 0.3, 0.5, 4, 7]


@pytest.mark.parametrize("path", CODE, ids=lambda path: path.stem)
def test_each_number_that_has_a_name_has_a_reason(path: Path) -> None:
    body = ast.parse(path.read_text(encoding="utf-8")).body
    bare = [
        node.lineno
        for node, after in zip(body, [*body[1:], None], strict=True)
        if _number(node) and not (isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant))
    ]
    assert bare == []


def test_a_number_is_seen_however_it_gets_its_name() -> None:
    named = ["A = 1", "B: float = 0.5", "C, D = 0.9, -3", "E = 2**16", "F = A / 8", "G: int = -(A + 1)"]
    other = ["H: float", "I = A", "J = ''", "K = 'a' 'b'", "L = True", "M = A + B", "N = f(3)", "O = (A, 'a')"]
    seen = [[code for code in codes if _number(ast.parse(code).body[0])] for codes in (named, other)]
    assert seen == [named, []]


def _number(node: ast.stmt) -> bool:
    """Whether a statement of a module gives names to numbers alone, told as they are or reckoned from others."""
    if not isinstance(node, ast.Assign | ast.AnnAssign) or node.value is None:
        return False
    values = node.value.elts if isinstance(node.value, ast.Tuple) else [node.value]
    return all(_reckoned(value) and any(map(_bare, ast.walk(value))) for value in values)


def _reckoned(value: ast.expr) -> bool:
    """Whether an expression is made of numbers and names."""
    if isinstance(value, ast.UnaryOp):
        return _reckoned(value.operand)
    if isinstance(value, ast.BinOp):
        return _reckoned(value.left) and _reckoned(value.right)
    return isinstance(value, ast.Name) or _bare(value)


def _bare(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, int | float) and not isinstance(node.value, bool)
