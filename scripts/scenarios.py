"""Play every scenario once and write down what it does: docs/scenarios.md, a picture each, and its measured truth.

Run as `make scenarios`. The pictures show users' load and goodput, the amplification of the worst edge, the longest
queue, and the true phases, all from the world's own books.
"""

from __future__ import annotations

import json
import sys
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from epicenter.synthetic import SCENARIOS, History, simulate
from epicenter.synthetic.truth import LISTED

ROOT = Path(__file__).parents[1]
DOCS, PICTURES = ROOT / "docs" / "scenarios.md", ROOT / "docs" / "scenarios"
TRUTHS = ROOT / "synthetic" / "scenarios" / "truth.json"
SEED = 0
POINTS = 360
"""Points of a curve: as many as a picture has columns to tell apart."""
INK, GOOD, BAD, PALE = "#1f2937", "#0f766e", "#b91c1c", "#cbd5e1"

HEAD = """# The scenario library
Worlds of real cascades, each one file in `synthetic/scenarios/` that declares a topology, parameters and what happens
from outside; everything else follows from mechanisms in `synthetic/world/`. A seed varies what real estates vary: 5 to
60 services, depth, loads, retry policies, time-outs, TTLs, base error rates, resolvers, and who sends no spans. The
truth of a world is measured from its own books. `epicenter scenarios` lists them, `epicenter simulate NAME` records
one, `epicenter emit NAME` plays it live.

This page is made by `make scenarios` from the scenarios' own docstrings and from one run of each with seed 0.
"""


def main() -> None:
    """Write all, or the scenarios that are named."""
    names = sys.argv[1:] or list(SCENARIOS)
    PICTURES.mkdir(exist_ok=True)
    with ProcessPoolExecutor(2) as pool:
        told = dict(zip(names, pool.map(tell, names), strict=True))
    known: dict[str, Any] = json.loads(TRUTHS.read_text(encoding="utf-8")) if TRUTHS.exists() else {}
    known = {name: (known | told)[name] for name in SCENARIOS if name in known | told}
    TRUTHS.write_text(json.dumps(known, indent=2) + "\n", encoding="utf-8")
    DOCS.write_text("\n".join([HEAD, *(section(name, known[name]) for name in known)]), encoding="utf-8")


def tell(name: str) -> dict[str, Any]:
    """Run a scenario, draw it, and return what it is listed with."""
    history = simulate(name, seed=SEED)
    draw(history).savefig(PICTURES / f"{name}.svg", metadata={"Date": None})
    truth = json.loads(history.truth.to_json())
    return {"services": len(history.services), "hours": (history.end - history.start) / 3600.0} | {
        key: truth[key] for key in LISTED
    }


def section(name: str, truth: dict[str, Any]) -> str:
    """A scenario's part of the page."""
    module = import_module(f"epicenter.synthetic.scenarios.{name.replace('-', '_')}")
    title, _, text = (module.__doc__ or "").strip().partition("\n")
    lines = [f"## {name}", title, "", text.strip(), "", f"![{name}](scenarios/{name}.svg)", "", _told(truth), ""]
    return "\n".join(lines)


def _told(truth: dict[str, Any]) -> str:
    size = f"Seed 0: {truth['services']} services over {truth['hours']:g} hours."
    if not truth["root_component"]:
        return f"{size} Nothing breaks."
    what = f"{size} Root `{truth['root_component']}` ({truth['root_kind']}); DNS {truth['dns_role']}"
    what += f" ({truth['dns_failure']})" if truth["dns_failure"] else ""
    at, until = (_clock(truth[key]) for key in ("trigger_start", "trigger_end"))
    what += f"; trigger {at} to {until} UTC, incident over at {_clock(truth['incident'][1])}; "
    if truth["storm"]:
        kind = "metastable storm" if truth["metastable"] else "storm that ended by itself"
        return f"{what}{kind} from {_clock(truth['storm_start'])} to {_clock(truth['storm_end'])}."
    return what + ("metastable without a retry storm." if truth["metastable"] else "no storm.")


def _clock(moment: float) -> str:
    return f"{datetime.fromtimestamp(moment, UTC):%H:%M:%S}"


def draw(history: History) -> Figure:
    """One picture: load and goodput, amplification and queue, phases."""
    mpl.rcParams.update({"svg.hashsalt": "epicenter", "font.size": 8, "svg.fonttype": "none"})
    figure = Figure(figsize=(8.0, 4.6), layout="constrained")
    shares = {"height_ratios": [2.2, 1.6, 1.3]}
    load, loop, phases = figure.subplots(3, 1, sharex=True, gridspec_kw=shares)
    step = max(1, history.ticks // POINTS)
    minutes = _thin(history.tick_s * np.arange(history.ticks) / 60.0, step)
    _draw_load(load, history, minutes, step)
    _draw_loop(loop, history, minutes, step)
    _draw_phases(phases, history)
    for axes in (load, loop, phases):
        axes.spines[["top", "right"]].set_visible(False)
        if history.truth.trigger_start is not None and history.truth.trigger_end is not None:
            start, end = ((t - history.start) / 60.0 for t in (history.truth.trigger_start, history.truth.trigger_end))
            axes.axvspan(start, end, color=BAD, alpha=0.08, linewidth=0)
    phases.set_xlabel("minutes since the start; shaded: the trigger")
    return figure


def _draw_load(axes: Axes, history: History, minutes: Any, step: int) -> None:
    users = [s for s, service in enumerate(history.services) if service.user_facing]
    asked = history.arrivals[:, users].sum(axis=1) / history.tick_s
    good = asked - history.failed[:, users].sum(axis=1) / history.tick_s
    axes.fill_between(minutes, _thin(asked, step), color=PALE, label="users' requests", linewidth=0)
    axes.plot(minutes, _thin(good, step), color=GOOD, label="answered well", linewidth=1.2)
    axes.set_ylabel("per second")
    axes.set_ylim(bottom=0)
    axes.legend(loc="lower left", facecolor="white", framealpha=0.9, edgecolor="none", ncols=2)


def _draw_loop(axes: Axes, history: History, minutes: Any, step: int) -> None:
    attempts, originals = _block(history.attempts, step), _block(history.originals, step)
    busy = originals >= 1.0
    ratio = np.divide(attempts, originals, out=np.ones_like(attempts), where=busy)
    axes.plot(minutes, ratio.max(axis=1), color=BAD, linewidth=1.2, label="attempts per call, worst edge")
    axes.set_ylabel("amplification")
    axes.set_ylim(bottom=0)
    queue = axes.twinx()
    queue.plot(minutes, _thin(history.queue_age_s.max(axis=1), step), color=INK, linewidth=0.8, linestyle=":")
    queue.set_ylabel("oldest in a queue, s")
    queue.set_ylim(bottom=0)
    queue.spines[["top"]].set_visible(False)
    axes.legend(loc="upper left", frameon=False)


def _draw_phases(axes: Axes, history: History) -> None:
    phases = history.truth.phases
    for row, phase in enumerate(phases):
        start = (phase.start - history.start) / 60.0
        end = ((phase.end or history.end) - history.start) / 60.0
        axes.barh(row, end - start, left=start, color=GOOD if "recover" in phase.name else BAD, height=0.7)
    axes.set_yticks(range(len(phases)), [phase.name for phase in phases])
    axes.invert_yaxis()
    axes.set_xlim(0, history.ticks * history.tick_s / 60.0)
    if not phases:
        axes.text(0.5, 0.5, "nothing is wrong", transform=axes.transAxes, ha="center", va="center", color=INK)


def _thin(values: Any, step: int) -> Any:
    """Means over so many ticks."""
    return _block(values[:, None], step)[:, 0] / step


def _block(flows: Any, step: int) -> Any:
    whole = len(flows) // step * step
    return flows[:whole].reshape(-1, step, flows.shape[1]).sum(axis=1)


if __name__ == "__main__":
    main()
