"""Pushing incidents to an Alertmanager by its API v2: start, updates and end."""

from __future__ import annotations

import asyncio
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from http.client import HTTPException

import msgspec

from ..collector.addresses import one_line, web_address
from ..report import words
from .alerts import RUNBOOK, Alert, Labels, alerts_of
from .feed import Feed, Snapshot
from .waiting import changed

RESEND_S = 60.0
"""Alerts are sent again at least this often, as Prometheus does."""

HOLD_S = 4 * RESEND_S
"""An alert that is not sent again for so long ends by itself: a server that died leaves nothing that fires for ever.

It is what Prometheus allows, and below Alertmanager's own resolve_timeout of 5 min.
"""

BACKOFF_S = (1.0, 2.0, 5.0, 10.0, 30.0)


class Alertmanager:
    """One Alertmanager to tell; used from one event loop."""

    def __init__(
        self,
        url: str,
        page_url: str,
        *,
        runbook_url: str = RUNBOOK,
        token: str = "",
        timeout_s: float = 10.0,
        clock: Callable[[], float] = time.time,
        pushed: Callable[[str], None] = lambda trouble: None,
    ) -> None:
        """url: with a path prefix where it has one. token: bearer token of whoever stands before it.

        pushed: is told the trouble of each push in one sentence, "" for none. UsageError where `url` is none.
        """
        parts = web_address(url, "an Alertmanager", "http://localhost:9093")
        self._where = f"Alertmanager at {parts.hostname}:{parts.port or {'http': 80, 'https': 443}[parts.scheme]}"
        self._url, self._token = f"{url.rstrip('/')}/api/v2/alerts", one_line(token, "a token")
        self._page_url, self._runbook_url = page_url.rstrip("/"), runbook_url
        self._timeout_s, self._clock, self._pushed = timeout_s, clock, pushed
        self._firing: dict[Labels, Alert] = {}

    async def run(self, feed: Feed, stop: asyncio.Event) -> None:
        """Tell of every snapshot, and of the last one again and again, until `stop` is set."""
        number, failed = 0, 0
        while not stop.is_set():
            patience_s = BACKOFF_S[min(failed, len(BACKOFF_S)) - 1] if failed else RESEND_S
            fresh = await changed(feed, number, stop, patience_s)
            if fresh is not None:
                number = fresh[0]
            if feed.latest is not None and not stop.is_set():
                failed = 0 if await self.push(feed.latest) else failed + 1

    async def push(self, snapshot: Snapshot) -> bool:
        """Tell what fires and what has ended since it was last told; whether that succeeded."""
        now = self._clock()
        firing = {alert.labels: alert for alert in alerts_of(snapshot, self._page_url, self._runbook_url)}
        ended = [alert for labels, alert in self._firing.items() if labels not in firing]
        body = [_told(alert, now + HOLD_S) for alert in firing.values()]
        body += [_told(alert, max(now, alert.started_at)) for alert in ended]
        # until it is known that they were told, both what was firing and what fires now may be firing there
        self._firing |= firing
        if not body:
            return True
        trouble = await asyncio.to_thread(self._post, msgspec.json.encode(body))
        self._pushed(trouble)
        if not trouble:
            self._firing = firing
        return not trouble

    def _post(self, body: bytes) -> str:
        """Why it failed, in one sentence; "" if it did not."""
        request = urllib.request.Request(self._url, body, {"Content-Type": "application/json"}, method="POST")
        if self._token:
            request.add_unredirected_header("Authorization", f"Bearer {self._token}")
        try:
            with urllib.request.urlopen(request, timeout=self._timeout_s):
                return ""
        except urllib.error.HTTPError as error:
            why = ""
            with error, suppress(OSError, HTTPException):  # the refusal stands, whether or not its words arrive
                why = words.plain(error.read(300).decode(errors="replace")).strip()
            return f"{self._where} refused the alerts ({error.code}{f': {why}' if why else ''})."
        except (OSError, HTTPException) as error:
            reason = error.reason if isinstance(error, urllib.error.URLError) else error
            return f"{self._where} could not be told of the alerts ({reason or type(error).__name__})."


def _told(alert: Alert, ends_at: float) -> dict[str, object]:
    """As `postableAlert` of the API's description."""
    return {
        "labels": dict(alert.labels),
        "annotations": dict(alert.annotations),
        "generatorURL": alert.link,
        "startsAt": words.iso(alert.started_at),
        "endsAt": words.iso(ends_at),
    }
