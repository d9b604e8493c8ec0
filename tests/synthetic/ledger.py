"""What must hold in the books of any world, in every tick."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from epicenter.collector.model import ERROR_CLASSES
from epicenter.synthetic.world.books import CLASS, Flows
from epicenter.synthetic.world.history import Edge, Floats, History, Service
from epicenter.synthetic.world.retries import DNS_TIMEOUT_S

BY_SERVICE = "entries arrivals served failed own_failed latency_s queue_depth queue_age_s up"
BY_EDGE = "originals attempts ok failures in_flight waiting given_up latency_ok_s latency_server_s"
CLOSE = 1e-6
"""Of the greatest count: what rounding may lose."""


class Ledger:
    """Flows, or a history, with the services and edges that they are about.

    apart: edges whose attempts are no calls that the services' engine makes.
    """

    def __init__(
        self,
        flows: Flows | History,
        services: Sequence[Service],
        edges: Sequence[Edge],
        tick_s: float,
        apart: Sequence[int] = (),
    ) -> None:
        self.flows, self.services, self.edges, self.tick_s = flows, services, edges, tick_s
        self.apart = set(apart)
        self.index = {service.name: s for s, service in enumerate(services)}

    def check(self) -> None:
        """All that is checked below."""
        self.nothing_is_negative_or_undefined()
        self.attempts_are_ok_or_failed_or_in_flight()
        self.calls_are_ok_or_given_up_or_under_way()
        self.requests_come_from_somewhere()
        self.queues_hold_what_is_not_served()
        self.time_in_flight_is_attempts_times_their_time()

    def nothing_is_negative_or_undefined(self) -> None:
        f = self.flows
        for name in (*BY_SERVICE.split(), *BY_EDGE.split()):
            values: Floats = getattr(f, name)
            assert np.isfinite(values).all(), name
            assert values.min(initial=0.0) >= -CLOSE * max(1.0, values.max(initial=0.0)), name
        shares = (f.up, f.odds.failing, f.odds.own, f.odds.late, f.odds.granted, *f.odds.unresolved.values())
        for share in shares:
            assert share.min(initial=0.0) >= -CLOSE
            assert share.max(initial=0.0) <= 1.0 + CLOSE
        assert (f.failed <= f.arrivals * (1.0 + CLOSE)).all()
        assert (f.own_failed <= f.failed * (1.0 + CLOSE) + CLOSE).all()
        assert (f.attempts >= f.originals * (1.0 - CLOSE) - CLOSE).all()

    def attempts_are_ok_or_failed_or_in_flight(self) -> None:
        f = self.flows
        grown = np.diff(f.in_flight, axis=0, prepend=0.0)
        assert_close(f.attempts, f.ok + f.failures.sum(axis=2) + grown)

    def calls_are_ok_or_given_up_or_under_way(self) -> None:
        """A call that does not wait for its next attempt has one in flight."""
        f, mine = self.flows, [e for e in range(len(self.edges)) if e not in self.apart]
        open_calls = np.cumsum(f.originals - f.ok - f.given_up, axis=0) - f.waiting
        room = CLOSE * np.maximum(1.0, np.cumsum(f.originals, axis=0))
        assert (open_calls >= -room)[:, mine].all()
        assert (open_calls <= f.in_flight + room)[:, mine].all()

    def requests_come_from_somewhere(self) -> None:
        """Over the whole world; what never reached its server fails at its name or its connection."""
        f = self.flows
        unreached = f.failures[:, :, [c for c, name in enumerate(ERROR_CLASSES) if name[:4] in ("dns_", "conn")]]
        got_there = (f.attempts - unreached.sum(axis=2)).sum(axis=0)
        devices = {edge.link for edge in self.edges if edge.link}
        for name, s in self.index.items():
            to = [e for e, edge in enumerate(self.edges) if edge.server == name]
            if name in devices or self.apart & set(to):
                continue
            came = f.entries[:, s].sum() + got_there[to].sum()
            difference = came - f.arrivals[:, s].sum()
            assert -CLOSE * max(1.0, came) <= difference <= f.in_flight[-1, to].sum() + CLOSE * max(1.0, came), name

    def queues_hold_what_is_not_served(self) -> None:
        """What arrives is served, waits, or is turned away, where the queue has a limit."""
        f = self.flows
        turned_away = f.arrivals - f.served - np.diff(f.queue_depth, axis=0, prepend=0.0)
        served_apart = {self.index[self.edges[e].server] for e in self.apart}
        for s, service in enumerate(self.services):
            room = CLOSE * max(1.0, f.arrivals[:, s].max(), f.queue_depth[:, s].max())
            assert turned_away[:, s].min() >= -room, service.name
            if np.isinf(service.queue_limit_s) and s not in served_apart:
                assert turned_away[:, s].max() <= room, service.name

    def time_in_flight_is_attempts_times_their_time(self) -> None:
        """Little's law, within one tick per attempt, since the books know outcomes by the tick."""
        f = self.flows
        unconnected = np.array([edge.connect_timeout_s for edge in self.edges])
        timeouts = np.array([edge.timeout_s for edge in self.edges])
        answered = ((f.ok + f.failures[:, :, CLASS["server"]]) * f.latency_ok_s).sum(axis=0)
        late = f.failures[:, :, CLASS["deadline"]].sum(axis=0) * timeouts
        silent = f.failures[:, :, CLASS["dns_timeout"]].sum(axis=0) * DNS_TIMEOUT_S
        at_most = f.failures[:, :, CLASS["connect"]].sum(axis=0) * unconnected
        in_flight = f.in_flight.sum(axis=0) * self.tick_s
        # Those still in flight at the end have waited, and have no outcome yet.
        room = self.tick_s * f.attempts.sum(axis=0) + f.in_flight[-1] * np.maximum(timeouts, DNS_TIMEOUT_S)
        changing = 0.05 * answered  # the time of an answer is read at its end, and may have changed under way
        mine = [e for e in range(len(self.edges)) if e not in self.apart]
        assert (in_flight <= answered + late + silent + at_most + room + changing)[mine].all()
        assert (in_flight >= answered + late + silent - room - changing)[mine].all()


def assert_close(left: Floats, right: Floats) -> None:
    assert np.abs(left - right).max(initial=0.0) <= CLOSE * max(1.0, left.max(initial=0.0))
