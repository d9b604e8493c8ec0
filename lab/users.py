"""Users at a steady rate: arrivals of their own making (Poisson), whether or not the shop keeps up."""

from __future__ import annotations

import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import requests

from .estate import url

ACTIONS = (("GET", "product", 4), ("GET", "search", 3), ("POST", "order", 3))  # method, page, weight
TIMEOUT_S = 5.0


@dataclass(frozen=True)
class Visit:
    """One request as its user saw it: start in Unix seconds, duration, and whether it was answered well."""

    at: float
    duration_s: float
    ok: bool


class Users:
    """Visits the front from `start` to `stop`; `visits` holds what came of it."""

    def __init__(self, rate_per_s: float, seed: int) -> None:
        self.visits: list[Visit] = []
        self._rate_per_s, self._rng = rate_per_s, random.Random(seed)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        """Sends the first user."""
        self._thread.start()

    def stop(self) -> None:
        """Sends no more users and waits for the last ones."""
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        due = time.monotonic()
        with ThreadPoolExecutor(32) as pool:
            while not self._stop.wait(max(0.0, due - time.monotonic())):
                method, page, _ = self._rng.choices(ACTIONS, [weight for *_, weight in ACTIONS])[0]
                pool.submit(self._visit, method, f"{url('front')}/{page}/{self._rng.randrange(200)}")
                due += self._rng.expovariate(self._rate_per_s)

    def _visit(self, method: str, page: str) -> None:
        at = time.time()
        try:
            ok = requests.request(method, page, timeout=TIMEOUT_S).ok
        except requests.RequestException:
            ok = False
        self.visits.append(Visit(at, time.time() - at, ok))
