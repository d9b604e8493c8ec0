"""The cascade as a tree and its layout: every failure shown once, below its reason, and no box on another."""

from itertools import combinations

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from epicenter.detectors.analysis import CascadeStep, Incident
from epicenter.report.graph import Box, fold, lay_out
from epicenter.report.tree import cascade_tree, guided, walk, with_loops
from tests.report.example_analyses import INCIDENT, NAME


def incident(*steps: tuple[str, float, str]) -> Incident:
    cascade = tuple(
        CascadeStep(component=name, onset_at=onset, recovered_at=None, because_of=reason, path=(name,), evidence=())
        for name, onset, reason in steps
    )
    return replace(INCIDENT, trigger=replace(INCIDENT.trigger, started_at=0.0), cascade=cascade)


def shape(found: Incident) -> list[tuple[int, str]]:
    return [(depth, node.component) for depth, node in walk(cascade_tree(found))]


def test_a_failure_hangs_below_its_reason_and_the_first_comes_first() -> None:
    found = incident(("late", 9, "db"), ("web", 5, "db"), ("db", 1, NAME))
    assert shape(found) == [(0, NAME), (1, "db"), (2, "web"), (2, "late")]


def test_an_unknown_reason_hangs_below_the_trigger() -> None:
    assert shape(incident(("web", 5, "nobody"))) == [(0, NAME), (1, "web")]


def test_two_that_blame_each_other_are_both_shown_once() -> None:
    found = incident(("a", 5, "b"), ("b", 5, "a"), ("c", 6, "c"))
    assert sorted(name for _, name in shape(found)) == sorted([NAME, "a", "b", "c"])


def test_a_second_wave_hangs_below_the_failure_it_followed() -> None:
    found = incident(("nlb", 50, NAME), ("sts", 3, NAME), ("sts", 60, "nlb"), ("shop", 70, "sts"))
    assert shape(found) == [(0, NAME), (1, "sts"), (1, "nlb"), (2, "sts"), (3, "shop")]


def test_a_loop_outside_the_cascade_is_shown_once_without_a_reason() -> None:
    loops = tuple(replace(INCIDENT.sustaining[0], component=name, started_at=9.0) for name in ("db", "nlb", "nlb"))
    found = replace(incident(("db", 1, NAME)), sustaining=loops)
    tree = with_loops(cascade_tree(found), found)
    assert [node.component for _, node in walk(tree)] == [NAME, "db", "nlb"]
    assert tree.children[-1].because_of == ""


def test_guides_of_a_terminal_line_up() -> None:
    found = incident(("db", 1, NAME), ("web", 2, "db"), ("job", 3, NAME))
    plain = [guide + node.component for guide, node in guided(cascade_tree(found), ascii_only=True)]
    assert plain == [NAME, "|- db", "|  `- web", "`- job"]


names = st.integers(0, 30).map(lambda number: f"service-{number}" + "-with-a-long-name" * (number % 3))
steps = st.lists(st.tuples(names, st.integers(0, 9).map(float), names), max_size=40)


@settings(deadline=None)
@given(steps)
def test_no_box_touches_another_whatever_the_cascade(cascade: list[tuple[str, float, str]]) -> None:
    root = cascade_tree(incident(*cascade))
    chatty = {name: ("called by users", "retry storm") for name, _, _ in cascade[::3]}
    boxes = lay_out(root, chatty, frozenset(name for name, _, _ in cascade[::5]))
    assert len(boxes) == 1 + len(cascade)
    assert not [(a.node, b.node) for a, b in combinations(boxes, 2) if _touch(a, b)]
    assert min(box.y for box in boxes) >= 0


@settings(deadline=None)
@given(steps)
def test_failure_always_runs_from_left_to_right(cascade: list[tuple[str, float, str]]) -> None:
    boxes = lay_out(cascade_tree(incident(*cascade)), {}, frozenset())
    assert all(boxes[box.parent].x + box.width < box.x for box in boxes if box.parent is not None)


def _touch(a: Box, b: Box) -> bool:
    apart_x = a.x + a.width <= b.x or b.x + b.width <= a.x
    apart_y = a.y + a.height <= b.y or b.y + b.height <= a.y
    return not (apart_x or apart_y)


def test_a_long_name_breaks_at_a_dot_and_keeps_both_ends() -> None:
    assert fold("dynamodb.us-east-1.amazonaws.com", 170) == ("dynamodb.us-east-1.", "amazonaws.com")
    first, second = fold("checkout.production.svc.cluster.local.example.internal", 170)
    assert first == "checkout.production."
    assert second.startswith("svc")
    assert second.endswith("ernal")


def test_wide_letters_take_their_room() -> None:
    assert len(fold("決済サービス決済サービス", 170)) == 1
    assert len(fold("決済サービス決済サービス決済サービス", 170)) == 2
