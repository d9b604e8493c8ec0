"""What kind of fault a blamed node has."""

from __future__ import annotations

import pytest

from epicenter.detectors.blame import blame
from epicenter.detectors.graph import dependency_graph
from epicenter.detectors.kinds import kind_of
from tests.detectors.frames import at, call, windows

BAD, END = 20, 30


@pytest.mark.parametrize(("asked", "kind"), [(200, "overload"), (40, "unknown")])
@pytest.mark.parametrize("spans", [False, True])
def test_who_is_asked_for_much_more_is_overloaded_whoever_tells_of_it(asked: int, kind: str, spans: bool) -> None:
    """The shop's spans never tell of the store; only counters do, or spans too of the same requests without repeats."""
    rows = [call(w, "", "shop") for w in range(END)]
    for w in range(END):
        counts = (asked, asked // 2) if w >= BAD else (40, 0)
        rows.append(call(w, "desk", "store", "store.example", counts[0], errors_server=counts[1], example_trace=""))
        if spans:
            rows.append(call(w, "shop", "store", "store.example", 40))
    seen = windows(END, rows)
    (store,) = blame(seen, dependency_graph(seen), (at(0), at(BAD)), (at(BAD), at(END)))
    told = kind_of(seen, store, "", [], (at(BAD), at(END)))
    assert (store.component, told) == ("store", "unknown" if spans else kind)
