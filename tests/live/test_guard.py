"""Who is let in; and where memory is short nothing is taken, from the very request that finds it so."""

from __future__ import annotations

import errno
import hmac
import os

import pytest

from epicenter.collector.errors import Overloaded
from epicenter.live.guard import MemoryGuard, Tokens

LIMIT = 1_000


def refuses(guard: MemoryGuard) -> bool:
    try:
        guard.check()
    except Overloaded:
        return True
    return False


@pytest.mark.parametrize(("held", "coming", "refused"), [(950, 0, False), (951, 0, True), (900, 51, True)])
def test_what_is_held_and_what_counting_will_take_are_within_the_limits_share(
    held: int, coming: int, refused: bool
) -> None:
    assert refuses(MemoryGuard(LIMIT, lambda: held, lambda: coming)) == refused


def test_a_request_is_refused_between_two_looks_and_taken_again_after_one() -> None:
    held = [900]
    guard = MemoryGuard(LIMIT, lambda: held[0])
    guard.measure()
    assert not refuses(guard)
    held[0] = 960
    assert refuses(guard)
    assert guard.refusing  # which health tells
    held[0] = 940
    guard.measure()
    assert not refuses(guard)


def test_where_the_system_does_not_tell_what_was_known_last_holds() -> None:
    def unknown() -> int:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    guard = MemoryGuard(LIMIT, unknown)
    assert not refuses(guard)  # and no other error, which would be answered with a 500
    guard.refusing = True
    assert refuses(guard)
    with pytest.raises(OSError, match="Too many open files"):
        guard.measure()  # whose caller tells of it


def test_every_token_is_compared_in_constant_time_whichever_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    compared, equal, known = list[tuple[bytes, bytes]](), hmac.compare_digest, (b"first", b"second", b"third")

    def recorded(given: bytes, token: bytes) -> bool:
        compared.append((given, token))
        return equal(given, token)

    monkeypatch.setattr(hmac, "compare_digest", recorded)
    for given in (*known, b"fourth", b"firs"):
        compared.clear()
        assert Tokens(known).admit(b"Bearer " + given) == (given in known)
        assert compared == [(given, token) for token in known]
    monkeypatch.setattr(hmac, "compare_digest", lambda *_: False)
    assert not Tokens(known).admit(b"Bearer first")  # nothing else compares
