"""Which failed connections were refused, by what their clients say."""

from __future__ import annotations

import pytest

from tests.collector.told import calls, part, span


@pytest.mark.parametrize(
    ("words", "refused"),
    [
        ('connection to server at "Ledger.lan" (10.0.0.7), port 5432 failed: Connection refused', True),
        ("connect ECONNREFUSED 10.0.0.9:7009", True),
        ("Error 111 connecting to cache.lan:6379.", True),
        (
            "HTTPConnectionPool(host='b', port=80): Max retries exceeded (Caused by NewConnectionError: [Errno 111])",
            True,
        ),
        ("context deadline exceeded: last connection error: dial tcp 10.0.0.9:80: connect: connection refused", True),
        ("Connection to db.lan:5432 refused. Check that the hostname and port are correct", True),
        ("Can't connect to MySQL server on 'db.lan:3306' (111)", True),
        ("Connection refused: no further information: db.lan/10.0.0.9:80", True),  # Netty
        ("Connection refused: Not authorized. It timed out", False),  # a broker of MQTT listens, and says so
        ("connect ECONNREFUSED ::1:80, connect ETIMEDOUT 10.0.0.9:80", False),
        ("java.net.ConnectException: Connection timed out", False),
        ("connect EHOSTUNREACH 10.0.0.9:80", False),
        ("read ECONNRESET", False),
    ],
)
def test_refusals_are_told_from_other_failures_to_connect(words: str, refused: bool) -> None:
    (row,) = calls(span("c", status="Error", message=words, server_address="b.lan"))
    assert part(row, "errors_connect", "refused") == {"errors_connect": 1, "refused": int(refused)}
