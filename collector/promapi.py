"""The calls of Prometheus' HTTP API v1 that are needed, and how servers refuse them."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from http.client import HTTPException
from typing import TypeVar
from urllib.parse import urlencode, urlsplit

import msgspec

from .addresses import one_line, web_address
from .errors import Refused, Unreachable

TOKEN, TENANT = "EPICENTER_PROMETHEUS_TOKEN", "EPICENTER_PROMETHEUS_TENANT"
"""Of the environment, since everybody on the machine can read a command's arguments."""

POLL_S = 15
"""Between two polls, and between two points of what is polled: as often as most estates scrape."""

DELAY_S = 35.0
"""What is younger may not be complete: scrapes take time, and remote writes more. VictoriaMetrics leaves out of a range
or replaces by what came before what is younger than its `-search.latencyOffset`, 30 s."""

ATTEMPTS = 3
LONGEST_WAIT_S = 30.0
ANSWER_BYTES = 256 * 2**20
_ADDRESS_CHARACTERS = 4000
"""Longer questions are posted: servers and proxies on the way cut addresses at 8,000 and less (RFC 9110, 4.1)."""
_T = TypeVar("_T")
_TOO_MUCH = ("too many samples", "maximum resolution", "limit", "too large", "exceed")


class Series(msgspec.Struct):
    """One series of an answer: labels, and (Unix seconds, value as text)."""

    metric: dict[str, str]
    values: list[tuple[float, str]] = []


class _Matrix(msgspec.Struct, rename={"kind": "resultType"}):
    kind: str
    result: list[Series]


class _Ranges(msgspec.Struct, rename={"partial": "isPartial"}):
    data: _Matrix
    warnings: list[str] = []
    partial: bool = False


class _Names(msgspec.Struct):
    data: list[str] | None


class _Error(msgspec.Struct):
    error: str = ""


@dataclass(frozen=True)
class Server:
    """Where to ask, and as whom.

    url: with a path prefix where it has one (Mimir: /prometheus). token: bearer token. tenant: X-Scope-OrgID.
    UsageError where `url` is no address.
    """

    url: str
    token: str = ""
    tenant: str = ""
    timeout_s: float = 30.0

    def __post_init__(self) -> None:
        web_address(self.url, "a Prometheus", "http://localhost:9090")
        one_line(self.token, "a token")
        one_line(self.tenant, "a tenant")

    def names(self, start: float, end: float) -> list[str]:
        """All metric names between two moments in Unix seconds."""
        body = self.get("/api/v1/label/__name__/values", {"start": f"{start:.3f}", "end": f"{end:.3f}"})
        return self._decoded(body, _Names).data or []

    def query_range(
        self, query: str, start: float, end: float, step_s: float, sleep: Callable[[float], None] | None = None
    ) -> tuple[list[Series], list[str]]:
        """Series and the server's warnings; with `sleep`, one that asks for patience is asked again.

        Raises Refused, and Unreachable where nobody answers.
        """
        form = {"query": query, "start": f"{start:.3f}", "end": f"{end:.3f}", "step": f"{step_s:.3f}"}
        answer = self._decoded(self.get("/api/v1/query_range", form, sleep), _Ranges)
        if answer.data.kind != "matrix":
            raise Refused(f"{self._where} answered with a {answer.data.kind}, not with series")
        partial = ["some of the storage did not answer"] if answer.partial and not answer.warnings else []
        return answer.data.result, answer.warnings + partial

    def post(self, path: str, body: bytes, headers: Mapping[str, str]) -> bytes:
        """Send it once, and get the answer as it came; Refused, Unreachable."""
        return self._ask(urllib.request.Request(f"{self.url.rstrip('/')}{path}", body, dict(headers)), None)

    @property
    def _where(self) -> str:
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.hostname}{f':{parts.port}' if parts.port else ''}{parts.path}"

    def get(self, path: str, form: dict[str, str], sleep: Callable[[float], None] | None = None) -> bytes:
        """The answer as it came; with `sleep`, one that asks for patience is asked again. Refused, Unreachable."""
        asked, where = urlencode(form), f"{self.url.rstrip('/')}{path}"
        if len(asked) > _ADDRESS_CHARACTERS:
            return self._ask(urllib.request.Request(where, asked.encode()), sleep)
        return self._ask(urllib.request.Request(f"{where}?{asked}"), sleep)

    def _ask(self, request: urllib.request.Request, sleep: Callable[[float], None] | None) -> bytes:
        # a redirection to another host gets neither
        if self.token:
            request.add_unredirected_header("Authorization", f"Bearer {self.token}")
        if self.tenant:
            request.add_unredirected_header("X-Scope-OrgID", self.tenant)
        attempts = ATTEMPTS if sleep is not None else 1
        for attempt in range(1, attempts + 1):
            try:
                with urllib.request.urlopen(request, timeout=self.timeout_s) as answer:
                    body = answer.read(ANSWER_BYTES + 1)
            except urllib.error.HTTPError as error:
                wait_s = _patience(error)
                if sleep is None or wait_s is None or attempt == attempts:
                    raise self._refusal(error) from error
                sleep(wait_s)
                continue
            except (OSError, HTTPException, ValueError) as error:  # ValueError: sent on to what is no address
                reason = error.reason if isinstance(error, urllib.error.URLError) else error
                raise Unreachable(
                    f"{self._where} could not be asked ({reason or type(error).__name__})",
                    timed_out=isinstance(reason, TimeoutError),
                ) from error
            if len(body) > ANSWER_BYTES:
                raise Refused(f"{self._where} answered with more than {ANSWER_BYTES:,} bytes", too_much=True)
            return body
        raise AssertionError("the last attempt returns or raises")

    def _refusal(self, error: urllib.error.HTTPError) -> Refused:
        body = b""
        with error, suppress(OSError, HTTPException):  # the refusal stands, whether or not its words arrive
            body = error.read(10_000)
        try:
            why = msgspec.json.decode(body, type=_Error).error
        except (msgspec.MsgspecError, UnicodeDecodeError):
            why = body.decode(errors="replace")
        why = " ".join(why.split())[:300]
        too_much = error.code in (400, 413, 422) and any(words in why for words in _TOO_MUCH)
        return Refused(f"{self._where} refused ({error.code}{f': {why}' if why else ''})", too_much=too_much, said=why)

    def _decoded(self, body: bytes, type_: type[_T]) -> _T:
        try:
            return msgspec.json.decode(body, type=type_)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise Refused(f"{self._where} is no Prometheus: its answer is not that of the API ({error})") from error


def _patience(error: urllib.error.HTTPError) -> float | None:
    """How long to wait before asking again, in seconds; None where that would not help."""
    if error.code not in (429, 503):
        return None
    told = error.headers.get("Retry-After", "1")
    return min(float(told), LONGEST_WAIT_S) if told.isdecimal() else 1.0
