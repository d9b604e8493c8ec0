"""The labels of what a rule makes: those of its expression's series with its own, of which an alert's are templates."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from decimal import Decimal

from .files import Rule

_FILLED = re.compile(r"{{-?\s*(?:(?:\$labels|\.Labels)\.(\w+)|(\$value|\.Value))\s*-?}}")
_VALUE = re.compile(r"{{[^}]*(?:\$value|\.Value)")
_FROM_GO_S_EXPONENT = 1e21
"""Go prints smaller numbers without an exponent."""


def labelled(rule: Rule, labels: Mapping[str, str], value: float | None = None) -> dict[str, str]:
    """Labels of one series made: without its name, with the rule's own; nothing of a label that ends up empty."""
    own = ("__name__", "alertname") if rule.alert else ("__name__",)
    kept = {name: text for name, text in labels.items() if name not in own}

    def fill(found: re.Match[str]) -> str:
        return number(value) if found[2] and value is not None else labels.get(found[1] or "", "")

    made = {**kept, **{name: _FILLED.sub(fill, text) if rule.alert else text for name, text in rule.labels.items()}}
    return {name: text for name, text in made.items() if text}


def valued(rule: Rule) -> bool:
    """Whether labels are made of the value, so that one series makes several alerts."""
    return rule.alert and any(_VALUE.search(text) for text in rule.labels.values())


def unfilled(rule: Rule) -> Iterable[str]:
    """A sentence for each label whose template is more than one label or the value; it stays as it is written."""
    for name, text in rule.labels.items():
        if rule.alert and "{{" in _FILLED.sub("", text):
            yield f"{rule.where}: the template of its label {name} is not filled in here; it stays {text!r}"


def number(value: float) -> str:
    """As Go prints it.

    >>> number(0.1), number(3.0), number(1e20), number(float("inf"))
    ('0.1', '3', '100000000000000000000', '+Inf')
    """
    if value != value:
        return "NaN"
    if abs(value) == float("inf"):
        return "+Inf" if value > 0 else "-Inf"
    text = repr(value).removesuffix(".0")
    if "e+" in text and abs(value) < _FROM_GO_S_EXPONENT:
        return f"{Decimal(text):f}"
    return text
