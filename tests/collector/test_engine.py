"""What is worked out in passing stays within bounds."""

from __future__ import annotations

from epicenter.collector.engine import in_passing


def test_it_takes_a_gigabyte_at_the_most_and_writes_no_file() -> None:
    with in_passing() as connection:
        told = connection.sql("select current_setting('memory_limit'), current_setting('temp_directory')").fetchall()
    assert told == [("953.6 MiB", "")]
