"""Rules over the past of the user's own Prometheus: it is asked, and never written to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from ..collector.promapi import Server
from .files import Rule
from .order import ALERTS, read_by
from .replay import replay
from .results import Backtest, Seen, result


def backtest_server(rules: Sequence[Rule], server: Server, start: float, end: float) -> Backtest:
    """What would have fired between two Unix seconds; nobody knows the truth, so nothing is judged.

    Raises Refused or Unreachable where the server tells nothing.
    """
    there: Mapping[str, None] = dict.fromkeys([*server.names(start, end), *ALERTS])
    played = replay(rules, server, start, end)
    seen = Seen(server.url, start, end, None, {}, "server")
    return result(seen, played, there, None, _unwritten(rules))


def _unwritten(rules: Sequence[Rule]) -> Iterator[str]:
    """A sentence for each rule that reads what others make: here they make it on the server only if it runs them."""
    for rule, places in zip(rules, read_by(rules), strict=True):
        if places:
            made = ((rules[place].alert, rules[place].name) for place in places)
            told = ", ".join(sorted({f"ALERTS of {name}" if alert else name for alert, name in made}))
            yield (
                f"{rule.where}: reads {told}, which rules make; nothing is written to a server that is not ours, so it "
                f"is played over what that server recorded itself"
            )
