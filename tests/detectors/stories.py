"""Small estates in which something goes wrong, as calls: shop -> cart -> prices, by host names."""

from __future__ import annotations

from collections.abc import Iterator

from tests.detectors.frames import Row, call

NAME = "prices.example"


def calm(start: int, end: int) -> Iterator[Row]:
    """Users reach the shop, the shop the cart, the cart the prices; one call in two hundred fails somewhere."""
    for window in range(start, end):
        noise = int(window % 5 == 0)
        yield call(window, "", "shop", attempts=40, errors_server=noise)
        yield call(window, "shop", "cart", "cart.example", attempts=40, errors_server=noise)
        yield call(window, "cart", "prices", NAME, attempts=40)


def name_gone(start: int, end: int, failure: str = "dns_nodata") -> Iterator[Row]:
    """Most of the cart's look-ups of the prices' name fail, and with them the cart and the shop."""
    for window in range(start, end):
        yield call(window, "", "shop", attempts=40, errors_server=30)
        yield call(window, "shop", "cart", "cart.example", attempts=40, errors_server=30)
        yield call(window, "cart", "prices", NAME, attempts=10)
        yield call(window, "cart", "", NAME, attempts=30, **{f"errors_{failure}": 30})


def process_gone(start: int, end: int) -> Iterator[Row]:
    """The cart's process is dead: the shop's calls are refused."""
    for window in range(start, end):
        yield call(window, "", "shop", attempts=40, errors_server=40)
        yield call(window, "shop", "", "cart.example", attempts=40, errors_connect=40)


def callee_slow(start: int, end: int) -> Iterator[Row]:
    """The prices take two seconds, and all who ask them as long; nobody fails."""
    for window in range(start, end):
        for client, server, peer in (("", "shop", ""), ("shop", "cart", "cart.example"), ("cart", "prices", NAME)):
            took = 40 * 2_000_000_000
            yield call(window, client, server, peer, 40, client_ns=took if client else 0, server_ns=took)


def callee_fails(start: int, end: int) -> Iterator[Row]:
    """The prices answer with errors, which climb to the users."""
    for window in range(start, end):
        yield call(window, "", "shop", attempts=40, errors_server=30)
        yield call(window, "shop", "cart", "cart.example", attempts=40, errors_server=30)
        yield call(window, "cart", "prices", NAME, attempts=40, errors_server=30)
