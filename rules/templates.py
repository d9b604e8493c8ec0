"""Templates in labels: of Go's text/template with Prometheus' functions what rules use in them.

Labels, the value, texts and numbers; pipes and brackets; `if`, `else if`, `with` and `else`; comparisons, and the
functions in _FUNCTIONS. A template with anything else, or that Go would not fill in for its types, is none of these.
"""

from __future__ import annotations

import json
import math
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Literal, NamedTuple

from .goformat import humanize, humanize_1024, humanize_duration, humanize_percentage, number, replaced, title

Fill = Callable[[Mapping[str, str], float], str]
"""Labels of the alert's series, and its value -> the text."""
_Kind = Literal["text", "float", "int", "bool"]


class _Unknown(ValueError):
    """It is more than is known here."""


class _Term(NamedTuple):
    """Something with a value, and of which kind that is; constant: the text that it is whatever the labels are."""

    kind: _Kind
    of: Callable[[Mapping[str, str], float], Any]
    constant: str | None = None


_ACTION = re.compile(r"{{(-\s)?(.*?)(\s-)?}}", re.DOTALL)
_TOKEN = re.compile(r'\s*("(?:[^"\\]|\\.)*"|`[^`]*`|[-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?|[$.]?\w[\w.]*|\.|[()|])')
_VERB = re.compile(r"%(?:%|(?P<flags>-?(?:[1-9]\d*)?)(?P<points>\.\d+)?(?P<verb>[fs]))")
_VERBS: dict[tuple[str, bool], _Kind] = {("f", True): "float", ("f", False): "float", ("s", True): "text"}
"""Verb, and whether it is without places behind the point -> what it takes."""
_OTHER_REGEX = re.compile(r"\\[pPzZQECaA]|\[\[:|\(\?[^:imsP]|[*+?}]\+")
"""What Go and Python read in different ways."""
_COMPARED: dict[str, Callable[[Any, Any], bool]] = {
    "eq": operator.eq,
    "ne": operator.ne,
    "lt": operator.lt,
    "le": operator.le,
    "gt": lambda a, b: not a <= b,  # as Go does: true of NaN
    "ge": lambda a, b: not a < b,
}
_FUNCTIONS: dict[str, tuple[_Kind, Callable[[Any], str]]] = {
    "toUpper": ("text", str.upper),
    "toLower": ("text", str.lower),
    "title": ("text", title),
    "humanize": ("float", humanize),
    "humanize1024": ("float", humanize_1024),
    "humanizeDuration": ("float", humanize_duration),
    "humanizePercentage": ("float", humanize_percentage),
}


@lru_cache(maxsize=4096)
def template(text: str) -> Fill | None:
    """What fills it in; None where it is more than is known here."""
    try:
        nodes, end = _block(_pieces(text))
        if end is not None:
            raise _Unknown(end)
    except _Unknown:
        return None
    return lambda labels, value: "".join(node(labels, value) for node in nodes)


def _pieces(text: str) -> list[tuple[bool, str]]:
    """Whether it is an action, and what is in it; from the last to the first, to be popped."""
    found: list[tuple[bool, str]] = []
    at = 0
    trims = False
    for action in _ACTION.finditer(text):
        between = text[at : action.start()]
        between = between.lstrip() if trims else between
        found.append((False, between.rstrip() if action[1] else between))
        found.append((True, action[2].strip()))
        at, trims = action.end(), bool(action[3])
    found.append((False, text[at:].lstrip() if trims else text[at:]))
    if any("{{" in piece for is_action, piece in found if not is_action):
        raise _Unknown(text)
    return found[::-1]


def _block(pieces: list[tuple[bool, str]], dot: _Term | None = None) -> tuple[list[Fill], str | None]:
    """What is filled in up to the action that ends it, and that one; dot: what `with` has put in place of the alert."""
    nodes: list[Fill] = []
    while pieces:
        is_action, inside = pieces.pop()
        word = inside.split(" ", 1)[0]
        if not is_action:
            nodes.append(lambda labels, value, text=inside: text)
        elif word in ("end", "else"):
            return nodes, inside
        elif word in ("if", "with"):
            nodes.append(_choice(inside.removeprefix(word), pieces, dot, moves=word == "with"))
        else:
            term = _term(inside, dot)
            nodes.append(lambda labels, value, term=term: _printed(term.of(labels, value)))
    return nodes, None


def _choice(condition: str, pieces: list[tuple[bool, str]], dot: _Term | None, *, moves: bool = False) -> Fill:
    """moves: the dot is what the condition has, until the other branch or the end."""
    holds = _term(condition, dot)
    then, end = _block(pieces, holds if moves else dot)
    other: list[Fill] = []
    if end is not None and end.startswith("else if ") and not moves:
        other, end = [_choice(end.removeprefix("else if "), pieces, dot)], "end"
    elif end == "else":
        other, end = _block(pieces, dot)
    if end != "end":
        raise _Unknown(end)
    return lambda labels, value: "".join(node(labels, value) for node in (then if holds.of(labels, value) else other))


def _printed(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return number(value) if isinstance(value, float) else str(value)


def _term(text: str, dot: _Term | None) -> _Term:
    tokens: list[str] = []
    at = 0
    while text[at:].strip():
        found = _TOKEN.match(text, at)
        if found is None:
            raise _Unknown(text)
        tokens.append(found[1])
        at = found.end()
    tokens.reverse()
    term = _pipeline(tokens, dot)
    if tokens:
        raise _Unknown(text)
    return term


def _pipeline(tokens: list[str], dot: _Term | None) -> _Term:
    """Commands with pipes between; each has what is piped for its last argument."""
    piped: list[_Term] = []
    while True:
        if not tokens:
            raise _Unknown("nothing")
        name = tokens[-1]
        command = tokens.pop() if re.match(r"[a-z]", name) and name not in ("true", "false") else None
        given: list[_Term | str] = []
        while tokens and tokens[-1] not in ("|", ")"):
            given.append(tokens.pop() if tokens[-1] in _alert(dot, "labels", "Labels") else _operand(tokens, dot))
        piped = [_called(command, [*given, *piped])]
        if not tokens or tokens[-1] == ")":
            return piped[0]
        tokens.pop()


def _operand(tokens: list[str], dot: _Term | None) -> _Term:
    token = tokens.pop()
    if token == "(":
        term = _pipeline(tokens, dot)
        if not tokens or tokens.pop() != ")":
            raise _Unknown(token)
        return term
    if token == "." and dot is not None:
        return dot
    if token in _alert(dot, "value", "Value"):
        return _Term("float", lambda labels, value: value)
    for name in _alert(dot, "labels.", "Labels."):
        if token.startswith(name) and "." not in token.removeprefix(name):
            return _label(token.removeprefix(name))
    return _literal(token)


def _alert(dot: _Term | None, name: str, field: str) -> tuple[str, ...]:
    """What is said for something of the alert: its variable, and, where nothing else is the dot, its field."""
    return (f"${name}",) if dot is not None else (f"${name}", f".{field}")


def _label(name: str) -> _Term:
    return _Term("text", lambda labels, value: labels.get(name, ""))


def _literal(token: str) -> _Term:
    try:
        if token[0] in '"`':
            made: Any = token[1:-1] if token[0] == "`" else json.loads(token)
        elif token in ("true", "false"):
            made = token == "true"
        else:
            made = float(token) if re.search(r"[.eE]", token) else int(token)
    except ValueError as error:
        raise _Unknown(token) from error
    kinds: dict[type, _Kind] = {str: "text", bool: "bool", int: "int", float: "float"}
    return _Term(kinds[type(made)], lambda labels, value: made, made if isinstance(made, str) else None)


def _called(name: str | None, given: Sequence[_Term | str]) -> _Term:
    if name == "index" and len(given) == 2 and isinstance(given[0], str) and isinstance(given[1], _Term):
        key = given[1].of
        return _Term("text", lambda labels, value: labels.get(key(labels, value), ""))
    terms = [one for one in given if isinstance(one, _Term)]
    kinds = [one.kind for one in terms]
    if len(terms) < len(given) or not terms:
        raise _Unknown(name)
    if name is None and len(terms) == 1:
        return terms[0]
    if name in _COMPARED and len(terms) == 2 and kinds[0] == kinds[1]:
        compare = _COMPARED[name]
        return _Term("bool", lambda labels, value: compare(*(one.of(labels, value) for one in terms)))
    if name in ("and", "or") and set(kinds) == {"bool"}:
        join = all if name == "and" else any
        return _Term("bool", lambda labels, value: join(one.of(labels, value) for one in terms))
    if name == "not" and len(terms) == 1:
        return _Term("bool", lambda labels, value: not terms[0].of(labels, value))
    if name in _FUNCTIONS and kinds == [_FUNCTIONS[name][0]]:
        function = _FUNCTIONS[name][1]
        return _Term("text", lambda labels, value: function(terms[0].of(labels, value)))
    if name == "reReplaceAll" and kinds == ["text"] * 3:
        return _replacing(terms)
    if name == "printf" and kinds[0] == "text":
        return _printing(terms)
    raise _Unknown(name)


def _replacing(terms: Sequence[_Term]) -> _Term:
    source, by, text = terms[0].constant, terms[1].of, terms[2].of
    try:
        if source is None or _OTHER_REGEX.search(source):
            raise _Unknown(source)
        pattern = re.compile(source, re.ASCII)
    except re.error as error:
        raise _Unknown(source) from error
    return _Term("text", lambda labels, value: replaced(pattern, by(labels, value), text(labels, value)))


def _printing(terms: Sequence[_Term]) -> _Term:
    form, given = terms[0].constant, terms[1:]
    if form is None or "%" in _VERB.sub("", form):
        raise _Unknown(form)
    verbs = [found for found in _VERB.finditer(form) if found["verb"]]
    if [_VERBS.get((found["verb"], found["points"] is None)) for found in verbs] != [one.kind for one in given]:
        raise _Unknown(form)
    made = _VERB.sub(lambda found: f"%{found['flags']}s" if found["verb"] else "%%", form)

    def printed(labels: Mapping[str, str], value: float) -> str:
        values = zip(verbs, (one.of(labels, value) for one in given), strict=True)
        return made % tuple(_decimal(verb, one) if isinstance(one, float) else one for verb, one in values)

    return _Term("text", printed)


def _decimal(verb: re.Match[str], value: float) -> str:
    return f"{value:{verb['points'] or ''}f}" if math.isfinite(value) else number(value)
