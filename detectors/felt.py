"""Which failed calls were felt: their callers failed with them, and theirs, up to whom users call.

A call that is made beside a request, or that its caller can do without, fails nobody, however often: it is no cause of
what users met at the same time.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from .base import ALIKE
from .cusum import LEAST_RISE
from .edges import CHANCE, LEAST_REQUESTS
from .series import Flags


def felt(calls: pd.DataFrame) -> tuple[Flags, Flags]:
    """[rows] Whether callers failed with these calls; and whether users may have.

    calls: client, callee, attempts, originals, entries and errors, of a stretch. A caller does without calls of which
    fewer than half as many requests failed, by more than chance; repeats of one request fail together, and so may the
    several that each makes.
    """
    requests = calls.groupby("callee")[["attempts", "errors", "entries"]].sum()
    theirs = requests.reindex(calls["client"]).reset_index(drop=True)
    tries = (calls["attempts"] / calls["originals"].clip(lower=1)).clip(lower=1.0).to_numpy()
    each = (calls["originals"].to_numpy() / theirs["attempts"].clip(lower=1).to_numpy()).clip(min=1.0)
    failing = np.minimum(calls["errors"].to_numpy() / tries / each, theirs["attempts"].to_numpy())
    short = failing - theirs["errors"].to_numpy()
    known = (calls["client"] != "").to_numpy(np.bool_) & (theirs["attempts"] >= LEAST_REQUESTS).to_numpy(np.bool_)
    without = known & (short > (1.0 - ALIKE) * failing) & (short > CHANCE * np.sqrt(np.maximum(failing, 1.0)))
    return ~without, _reaching_users(calls, ~without, requests["entries"])


def _reaching_users(calls: pd.DataFrame, local: Flags, entries: pd.Series[float]) -> Flags:
    """[rows] Whether the caller is one whose failures reach users: they call it, nobody is seen to, or such a caller
    fails with it."""
    inner = set(calls.loc[calls["client"] != "", "callee"]) - set(entries.index[entries > 0])
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


def alone(calls: pd.DataFrame) -> Flags:
    """[rows] Whether these fail while hardly any do of those who call the same, by the same name, often enough to tell:
    then it may be the caller, or the way to it, as well."""
    asked = calls["peer"].where(calls["peer"] != "", calls["callee"])
    mine = calls[["attempts", "errors"]]
    rest = mine.where(calls["client"] != "", 0.0).groupby(asked).transform("sum") - mine
    well = (rest["attempts"] >= LEAST_REQUESTS) & (rest["errors"] < LEAST_RISE * rest["attempts"])
    worse = mine["errors"] * rest["attempts"] * ALIKE > rest["errors"] * mine["attempts"]
    return ((calls["client"] != "") & well & worse).to_numpy(np.bool_)
