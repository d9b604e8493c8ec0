"""Which rules read what others make, and the order in which all of them can be evaluated."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from .files import Rule
from .needs import may_read

ALERTS = ("ALERTS", "ALERTS_FOR_STATE")


def makes(rule: Rule) -> tuple[str, ...]:
    """The names of the metrics that the rule writes."""
    return ALERTS if rule.alert else (rule.name,)


def read_by(rules: Sequence[Rule]) -> list[list[int]]:
    """For each rule the places, in order, of those whose results it may read; its own among them.

    Told apart by name and by the labels that the rules themselves set, so that `ALERTS{alertname="A"}` is of A alone.
    """
    known = [_known(rule) for rule in rules]
    makers: dict[str, list[int]] = {}
    for place, rule in enumerate(rules):
        for name in makes(rule):
            makers.setdefault(name, []).append(place)

    @cache  # rules that differ in other things have the same expression
    def read(expr: str) -> list[int]:
        reads = may_read(expr)
        named = {name: places for name, places in makers.items() if reads({"__name__": name})}
        found = {
            place for name, places in named.items() for place in places if reads({**known[place], "__name__": name})
        }
        return sorted(found)

    return [read(rule.expr) for rule in rules]


def knots(rules: Sequence[Rule], reads: Sequence[Sequence[int]]) -> list[list[int]]:
    """The places of the rules, each after those that it reads; those of a knot stand together, in their order.

    reads: as `read_by` tells. A knot is what no order can undo: rules that read one another, or one that reads its own
    results. So is a rule with one further down in its group that it reads, since the group goes through them in turn
    and it sees what that one made the time before.
    """
    before = [set(places) for places in reads]
    for place, rule in enumerate(rules):
        for other in reads[place]:
            if other > place and (rules[other].file, rules[other].group) == (rule.file, rule.group):
                before[other].add(place)
    return [sorted(found) for found in _components([sorted(places) for places in before])]


def in_order(rules: Sequence[Rule]) -> list[Rule]:
    """The rules, each after those that it reads."""
    return [rules[place] for knot in knots(rules, read_by(rules)) for place in knot]


def _components(edges: Sequence[Sequence[int]]) -> list[list[int]]:
    """Strongly connected components of a graph, each after those that it has edges to (Tarjan 1972)."""
    index: dict[int, int] = {}
    low: dict[int, int] = {}
    stack: list[int] = []
    done: set[int] = set()
    found: list[list[int]] = []
    for root in range(len(edges)):
        way = [] if root in index else [(root, iter(edges[root]))]
        while way:
            node, ahead = way[-1]
            if node not in index:
                index[node] = low[node] = len(index)
                stack.append(node)
            following = next(ahead, None)
            if following is None:
                way.pop()
                if way:
                    low[way[-1][0]] = min(low[way[-1][0]], low[node])
                if low[node] == index[node]:
                    at = stack.index(node)
                    found.append(stack[at:])
                    done.update(stack[at:])
                    del stack[at:]
            elif following not in index:
                way.append((following, iter(edges[following])))
            elif following not in done:
                low[node] = min(low[node], index[following])
    return found


def _known(rule: Rule) -> dict[str, str]:
    """The labels that all that the rule makes is sure to have; those of an alert may be templates."""
    own = {name: text for name, text in rule.labels.items() if not (rule.alert and "{{" in text)}
    return {**own, "alertname": rule.name} if rule.alert else own
