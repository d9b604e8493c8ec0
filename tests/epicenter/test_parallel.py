"""Tasks done together: results in their order, each error where its own result is asked for."""

from __future__ import annotations

from functools import partial

import pytest

from epicenter.parallel import run_all


@pytest.mark.parametrize("jobs", [1, 2])
def test_results_keep_their_order_and_an_error_leaves_the_others_alone(jobs: int) -> None:
    told: list[float] = []
    done = run_all([partial(divmod, 7, n) for n in (2, 0, 3)], jobs=jobs, progress=told.append)
    assert (done[0].result(), done[2].result()) == ((3, 1), (2, 1))
    with pytest.raises(ZeroDivisionError):
        done[1].result()
    assert told == [pytest.approx(n / 3) for n in (1, 2, 3)]


def test_nothing_to_do_is_done() -> None:
    assert run_all([], jobs=2) == []
