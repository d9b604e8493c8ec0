"""Which failed calls were felt: their callers failed with them, and theirs, up to whom users call.

A call that is made beside a request, or that its caller can do without, fails nobody, however often: it is no cause of
what users met at the same time.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from .base import ALIKE
from .edges import CHANCE, LEAST_REQUESTS
from .series import Flags, Floats

UNFELT = 0.1
"""What a failed call counts that cost nobody a request. Where a tenth or less of those that fail may have, they were
others' failures that met at the same time; more may be what a cache or a second try did not save."""


def felt(calls: pd.DataFrame) -> tuple[Flags, Floats]:
    """[rows] Whether these calls may have failed their callers, and how much each failed one counts, 0..1.

    calls: client, callee, attempts, originals and entries of a stretch, and errors above the usual. A caller may do
    without calls of which fewer than half as many requests failed, by more than chance: it does, if what it needs
    explains half of these or hardly any failed; else its failures count as far as it failed with them. What reaches no
    user counts a tenth. A request fails by its last try, and by one of the several calls that it may make.
    """
    codes, nodes = pd.factorize(pd.concat([calls["callee"], calls["client"]], ignore_index=True))
    callee, client = codes[: len(calls)], codes[len(calls) :]
    attempts, originals, errors, entries = (
        calls[name].to_numpy(np.float64) for name in ("attempts", "originals", "errors", "entries")
    )
    asked, failed = (np.bincount(callee, of, len(nodes))[client] for of in (attempts, errors))
    each = np.maximum(originals / np.maximum(asked, 1.0), 1.0)
    failing = np.minimum(np.maximum(errors - (attempts - originals), 0.0) / each, asked)
    short = failing - failed
    known = (calls["client"] != "").to_numpy(np.bool_) & (asked >= LEAST_REQUESTS)
    may = known & (short > (1.0 - ALIKE) * failing) & (short > CHANCE * np.sqrt(np.maximum(failing, 1.0)))
    needs = np.bincount(client, np.where(may, 0.0, failing), len(nodes))[client]
    without = may & ((needs >= ALIKE * failed) | (failed <= UNFELT * failing))
    part = np.where(may, failed / np.maximum(failing, 1.0), 1.0)
    if not without.any():
        return ~without, part
    entered = set(nodes[np.bincount(callee, entries, len(nodes)) > 0])
    return ~without, np.where(_reaching_users(calls, ~without, entered), np.maximum(part, UNFELT), UNFELT)


def _reaching_users(calls: pd.DataFrame, local: Flags, entered: set[str]) -> Flags:
    """[rows] Whether the caller is one whose failures reach users: they call it, nobody is seen to, or such a caller
    fails with it."""
    inner = set(calls.loc[calls["client"] != "", "callee"]) - entered
    upwards: dict[str, set[str]] = {}
    for client, callee, with_it in zip(calls["client"], calls["callee"], local, strict=True):
        if with_it and callee in inner:
            upwards.setdefault(callee, set()).add(client)
    reaching = {*calls["client"]} - inner
    grown = True
    while grown:
        new = {callee for callee, clients in upwards.items() if callee not in reaching and clients & reaching}
        reaching |= new
        grown = bool(new)
    return local & calls["client"].isin(reaching).to_numpy(np.bool_)
