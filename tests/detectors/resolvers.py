"""Stories of names that fail together, and of what resolvers tell of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from epicenter.detectors import analyze
from epicenter.detectors.analysis import Incident
from tests.detectors.frames import SUMMARY, Row, call, gauge, put, windows

BAD, WELL, END = 30, 45, 60
NAMES = ("cart.shops.example", "mail.internal", "orders.shops.example", "stock.depot.example")
ZONE = ("cart.svc.lan", "orders.svc.lan", "stock.svc.lan")
WAITED = 5 * 10**9
SERVER = "dns_server_responses"


def estate(
    failing: Iterable[str], names: Iterable[str] = NAMES, failure: str = "dns_servfail", waited: int = 0, lost: int = 24
) -> Iterator[Row]:
    """Users reach the shop, the shop all others by name; most calls to some names fail for a while."""
    failing = set(failing)
    for window in range(END):
        down = BAD <= window < WELL
        yield call(window, "", "shop", attempts=120, errors_server=lost * len(failing) if down else window % 5 == 0)
        for name in names:
            gone = lost if down and name in failing else 0
            yield call(window, "shop", name.partition(".")[0], name, attempts=40 - gone)
            if gone:
                told = {f"errors_{failure}": gone, "unanswered_ns": gone * waited}
                yield call(window, "shop", "", name, attempts=gone, **told)


def codes(server: str, start: int = BAD, code: str = "SERVFAIL", counted: str = "dns_server_responses") -> list[Row]:
    good = gauge(server, counted, put([100.0] * END, start, [20.0] * 15), "NOERROR")
    return [*good, *gauge(server, counted, put([1.0] * END, start, [80.0] * 15), code)]


def of_zone(zone: str, code: str = "SERVFAIL") -> list[Row]:
    return codes(zone, code=code, counted="dns_responses")


def well(server: str, counted: str = "dns_server_responses") -> list[Row]:
    return gauge(server, counted, [100.0] * END, "NOERROR")


ONE = [*codes("resolver-1"), *well("resolver-2")]


def queue(component: str, start: int = BAD, end: int = WELL) -> list[Row]:
    return gauge(component, "queue_age_s", put([0.0] * END, start, [30.0] * (end - start)))


def explained(calls: Iterable[Row], signals: Iterable[Row] = (), changes: Iterable[Row] = ()) -> Incident:
    (incident,) = analyze(windows(END, calls, signals, changes), SUMMARY).incidents
    return incident


def beside(component: str, start: int, lost: int) -> Iterator[Row]:
    """The shop calls one more, by a name that is known; some of these calls are lost on the way, after seconds."""
    for window in range(END):
        gone = lost if start <= window < WELL else 0
        yield call(window, "shop", component, f"{component}.example", attempts=40 - gone)
        if gone:
            yield call(
                window, "shop", "", f"{component}.example", gone, errors_connect=gone, unanswered_ns=gone * WAITED
            )


def timed_out() -> list[Row]:
    return list(estate(NAMES, failure="dns_timeout", waited=WAITED))


def share(server: str, bad: float, each: float = 100.0) -> list[Row]:
    """A server that answers so many questions a window, of which such a share fails in the end."""
    fine = put([each * 0.99] * END, BAD, [each * (1 - bad)] * (WELL - BAD))
    failed = put([each * 0.01] * END, BAD, [each * bad] * (WELL - BAD))
    return [*gauge(server, SERVER, fine, "NOERROR"), *gauge(server, SERVER, failed, "SERVFAIL")]
