"""The labels of what a rule makes: those of its expression's series with its own, of which an alert's are templates."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from .files import Rule
from .templates import template

_VALUE = re.compile(r"{{[^}]*(?:\$value|\.Value)")


def labelled(rule: Rule, labels: Mapping[str, str], value: float | None = None) -> dict[str, str]:
    """Labels of one series made: without its name, with the rule's own; nothing of a label that ends up empty."""
    own = ("__name__", "alertname") if rule.alert else ("__name__",)
    made = {name: text for name, text in labels.items() if name not in own}
    for name, text in rule.labels.items():
        fill = template(text) if rule.alert else None
        made[name] = text if fill is None else fill(labels, float("nan") if value is None else value)
    return {name: text for name, text in made.items() if text}


def valued(rule: Rule) -> bool:
    """Whether labels are made of the value, so that one series makes several alerts."""
    return rule.alert and any(_VALUE.search(text) for text in rule.labels.values())


def unknown_templates(rule: Rule) -> dict[str, str]:
    """The labels whose template is more than is known here, as they are written."""
    return {name: text for name, text in rule.labels.items() if rule.alert and template(text) is None}


def unfilled(rule: Rule) -> Iterable[str]:
    """A sentence for each label whose template is more than is known here; it stays as it is written."""
    for name, text in unknown_templates(rule).items():
        yield f"{rule.where}: the template of its label {name} is not filled in here; it stays {text!r}"
