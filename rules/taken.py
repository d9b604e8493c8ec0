"""Two rules that write one series: of its samples at one moment Prometheus keeps the first, and drops others."""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from .files import Rule
from .write import STALE

_Values = dict[tuple[tuple[str, str], ...], dict[float, float]]
"""Sorted labels -> the value at each Unix second."""
_bits = struct.Struct("<d").pack


@dataclass(frozen=True)
class Writes:
    """What one rule writes; dropped: the evaluations, in Unix seconds, at which another had written something else.

    among: what all rules of its name have written; None where there is no other.
    """

    among: _Values | None
    dropped: set[float] = field(default_factory=set)

    def take(self, labels: Mapping[str, str], at: float, value: float) -> bool:
        """Whether Prometheus keeps a sample, or has the same already."""
        if self.among is None:
            return True
        first = self.among.setdefault(tuple(sorted(labels.items())), {}).setdefault(at, value)
        kept = _bits(first) == _bits(value)
        if not kept and _bits(value) != _bits(STALE):  # the end of what another goes on with is no news
            self.dropped.add(at)
        return kept


def writes_of(rules: Sequence[Rule]) -> Callable[[Rule], Writes]:
    """For each of the rules, in the order in which they write, what it does."""
    counts = Counter(map(_name, rules))
    among: dict[tuple[bool, str], _Values] = {name: {} for name, count in counts.items() if count > 1}
    return lambda rule: Writes(among.get(_name(rule)))


def _name(rule: Rule) -> tuple[bool, str]:
    return rule.alert, rule.name
