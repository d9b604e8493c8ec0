"""What the blamed component's failures say in words that no class of failure knows, gathered into families.

A class tells machines what to blame; the words tell people what to do ("pool exhausted waiting for a connection").
Texts are alike by the cosine of their TF-IDF weights (Salton and Buckley, "Term-weighting approaches in automatic text
retrieval", 1988): what every text says, such as "request failed:", counts less than what sets them apart. The words
are evidence and decide nothing: neither who is blamed nor how surely.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ..collector.model import Windows
from .base import HORIZON, Evidence
from .queries import sql
from .series import Floats
from .suspects import Suspect

ALIKE = 0.5
"""Cosine from which two texts are one family: half of what they weigh is the same words."""

WORTH = 0.2
"""Share of the failures that a family needs to be told, so that there are five sentences at the most."""

GREW = 2.0
"""What was said half as often before is how the component always fails (as for a failure rate, see `episodes`)."""


@dataclass(frozen=True)
class Family:
    """Texts alike, the one said most often first; failed: failures that said one of them; first: the window (Unix
    seconds) in which the first of them did."""

    texts: tuple[str, ...]
    failed: int
    first: int


def families(rows: pd.DataFrame) -> list[Family]:
    """Gather the texts of some rows of `TEXTS` into families, the one of most failures first.

    The most frequent text founds a family; each next joins the family whose founder it is most alike, or founds one.
    """
    said = (
        rows[rows["text"] != ""].groupby("text", sort=True)["failed"].sum().sort_values(ascending=False, kind="stable")
    )
    texts = [str(text) for text in said.index]
    alike = _likeness(texts)
    members: dict[int, list[str]] = {}
    for place, text in enumerate(texts):
        nearest = max(members, key=lambda founder: (alike[place, founder], -founder), default=place)
        members.setdefault(nearest if alike[place, nearest] >= ALIKE else place, []).append(text)
    return sorted((_family(rows, texts) for texts in members.values()), key=lambda f: (-f.failed, f.texts))


def _family(rows: pd.DataFrame, texts: list[str]) -> Family:
    mine = rows[rows["text"].isin(texts)]
    return Family(tuple(texts), int(mine["failed"].sum()), int(mine["window"].min()))


def _likeness(texts: list[str]) -> Floats:
    """[texts, texts] The cosine of each pair."""
    if len(texts) < 2:
        return np.ones((len(texts), len(texts)))
    # scikit-learn takes seconds to load, and most failures say nothing, or all the same
    from sklearn.feature_extraction.text import TfidfVectorizer

    weights = TfidfVectorizer(token_pattern=r"[^\W\d_]+").fit_transform(texts)
    return np.asarray((weights @ weights.T).todense(), dtype=np.float64)


def unseen_words(windows: Windows, top: Suspect, onset: float) -> tuple[Evidence, ...]:
    """What failures of the suspect say after `onset` that they did not say before, the most frequent words first.

    Its own words come before those of its clients.
    """
    during = (onset, min(onset + HORIZON * windows.window_s, float(windows.end)))
    texts = windows.texts
    if texts.empty:
        return ()
    for side in ("server", "client"):
        for name in dict.fromkeys((top.service, top.component)):
            mine = texts[(texts["component"] == name) & (texts["side"] == side) & (texts["window"] < during[1])]
            found = families(mine[mine["window"] >= during[0]])
            if found:
                told = (_evidence(windows, mine, family, during) for family in found)
                return tuple(evidence for evidence in told if evidence is not None)
    return ()


def _evidence(windows: Windows, rows: pd.DataFrame, family: Family, during: tuple[float, float]) -> Evidence | None:
    """What one family says; None where it is a detail, or was always said.

    rows: what one side says of the component, up to the end of the stretch.
    """
    before = rows["window"] < during[0]
    failed = int(rows.loc[~before, "failed"].sum())
    earlier = int(rows.loc[before & rows["text"].isin(family.texts), "failed"].sum())
    usual = earlier * (during[1] - during[0]) / max(during[0] - windows.start, windows.window_s)
    if family.failed < WORTH * failed or family.failed < GREW * usual:
        return None
    name, side = str(rows["component"].iloc[0]), str(rows["side"].iloc[0])
    spans = f"failed spans of {name}" if side == "server" else f"failed calls to {name}"
    text, several = family.texts[0], len(family.texts)
    others = f" or words like it ({several} texts)" if several > 1 else ""
    return Evidence(
        statement=f"{family.failed:,} of {failed:,} {spans} say “{text}”{others}, "
        f"against {usual:.0f} in as much time before",
        query=sql("texts", "text, failed", during, component=name, side=side),
        window=(float(family.first), during[1]),
        observed=float(family.failed),
        expected=usual,
    )
