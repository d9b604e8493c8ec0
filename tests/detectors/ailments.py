"""An estate for each detector in which what it looks for goes wrong from window 30 on, and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator

from epicenter.collector.model import Windows
from tests.detectors.frames import WINDOW_S, Row, call, change, gauge, windows
from tests.detectors.stories import callee_slow, calm, name_gone, process_gone

BEGAN, OVER = 30, 60
LEVELS = (
    ("dns_responses", "NOERROR", 90, 10),
    ("dns_responses", "SERVFAIL", 1, 81),
    ("dns_lookup_failures", "ENOTFOUND", 0, 40),
    ("dns_answers", "A", 3, 0),
    ("probe_ok", "", 1, 1),
    ("queue_age_s", "requests", 0.01, 9.0),
    ("cache_hits", "", 90, 10),
    ("cache_misses", "", 10, 90),
    ("health_flips", "", 0, 12),
    ("leases_active", "", 1000, 400),
    ("queue_depth", "", 0, 90),
    ("work", "ok", 50, 20),
    ("work", "timeout", 0, 80),
    ("cpu", "", 0.2, 0.9),
    ("memory", "", 2e8, 9e8),
    ("network", "", 1e6, 9e6),
    ("up", "", 1, 0),
)
"""Concept and item of each kind of signal that the detectors read, its value while all is well and while it is ill."""

LEASES = ("leases_active", "queue_depth")
RACE = (
    change(5, "record.upsert", "prices.example", "one", 7, Answers=2),
    change(29, "record.upsert", "prices.example", "two", 5, Answers=2),
    change(30, "record.delete", "prices.example", "one", 5, Answers=0),
)

TURNS = tuple(
    change(
        BEGAN - 1.5 + 2 * turn, "record.upsert", "prices.example", ("one", "two")[turn % 2], None, Answers=2 + turn % 2
    )
    for turn in range(8)
)


def signals(end: int, ill: Collection[str] = (), told: Collection[str] = ()) -> Iterator[Row]:
    """Signals of the concepts `told`, or of all, a row each and window; those of `ill` are ill until window 60."""
    for concept, item, well, sick in LEVELS:
        if concept in told or not told:
            component = {"dns_responses": "example", "queue_age_s": "core"}.get(concept, "prices.example")
            values = [sick if concept in ill and BEGAN <= window < OVER else well for window in range(end)]
            yield from gauge(component, concept, values, item)


def signalled(*concepts: str) -> Callable[[int], Windows]:
    """All calls are well, and these concepts are ill."""
    return lambda end: windows(end, calm(0, end), signals(end, concepts, concepts))


def called(ill: Callable[[int, int], Iterator[Row]]) -> Callable[[int], Windows]:
    """For fifteen windows calls go as `ill` tells."""
    return lambda end: windows(end, [*calm(0, BEGAN), *ill(BEGAN, BEGAN + 15), *calm(BEGAN + 15, end)])


def late(originals: int) -> Callable[[int], Windows]:
    """The shop makes five times as many calls to the pay service, for so many requests, and most answers are late."""

    def asked(end: int) -> Iterator[Row]:
        yield from calm(0, end)
        for window in range(end):
            bad = BEGAN <= window < OVER
            told = {"originals": originals, "errors_deadline": 190, "wasted": 190} if bad else {}
            yield call(window, "shop", "pay", "pay.example", attempts=200 if bad else 40, **told)

    return lambda end: windows(end, asked(end))


def lease_collapse(end: int) -> Windows:
    """Leases are lost and work queues up from window 30 on, and from two windows later on most of it times out."""
    later = 2 * WINDOW_S
    work = [{**row, "window": row["window"] + later} for row in signals(end - 2, ["work"], ["work"])]
    return windows(end, calm(0, end), [*signals(end, LEASES, LEASES), *work])


def slow_release(end: int) -> Windows:
    """A new version of the prices is seen, and all who ask for them wait."""
    seen = change(BEGAN, "deploy", "prices", "", None, Detail="first seen as version 2")
    return windows(end, [*calm(0, BEGAN), *callee_slow(BEGAN, OVER), *calm(OVER, end)], changes=[seen])


def silence(end: int) -> Windows:
    """Nobody sends spans, and no target can be scraped."""
    targets = ("shop", "cart", "prices")
    up = [row | {"component": name} for row in map(dict, signals(end, ["up"], ["up"])) for name in targets]
    return windows(end, [*calm(0, BEGAN), *calm(OVER, end)], up)


AILMENTS: dict[str, Callable[[int], Windows]] = {
    "cache_loss": signalled("cache_hits", "cache_misses"),
    "dns_answers": signalled("dns_answers", "probe_ok"),
    "dns_failures": called(name_gone),
    "dns_lookups": signalled("dns_lookup_failures"),
    "dns_rcodes": signalled("dns_responses"),
    "failure_spikes": called(process_gone),
    "gate": called(name_gone),
    "health_check_flapping": signalled("health_flips"),
    "lease_collapse": lease_collapse,
    "queueing": signalled("queue_age_s"),
    "record_race": lambda end: windows(end, calm(0, end), changes=RACE),
    "record_writers": lambda end: windows(end, calm(0, end), changes=TURNS),
    "restart_herd": late(originals=200),
    "retry_storm": late(originals=40),
    "slow_release": slow_release,
    "telemetry_silence": silence,
    "waits": called(callee_slow),
}
"""Detector, or what tells of users -> an estate of so many windows."""


def all_at_once(end: int) -> Windows:
    """A name is gone, then a process, and all signals tell of something."""
    calls = [*calm(0, 30), *name_gone(30, 45), *process_gone(45, 55), *calm(55, end)]
    concepts = {concept for concept, *_ in LEVELS} - {"up"}
    return windows(end, calls, signals(end, concepts), RACE)
