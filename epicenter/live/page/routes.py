"""The page's routes, for an application that has other routes too."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from urllib.parse import quote

import msgspec
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

from ..feed import Feed, Snapshot
from . import views
from .events import events
from .views import View

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; style-src-attr 'unsafe-inline'; connect-src 'self'; "
    "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""Nothing from elsewhere and no script but the page's own; style attributes hold the indentation of tables."""

_SAFE = {"Content-Security-Policy": POLICY, "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer"}
_FRESH = {**_SAFE, "Cache-Control": "no-store"}
_FOR_LONG = {**_SAFE, "Cache-Control": "public, max-age=31536000, immutable"}


def page_routes(
    feed: Feed,
    *,
    clock: Callable[[], float] = time.time,
    started_at: float | None = None,
    stop: asyncio.Event | None = None,
) -> list[Route]:
    """The routes `/`, `/incidents/{id}`, `/events`, `/api/incidents`, `/api/incidents/{id}` and the page's files.

    clock: Unix seconds. started_at: from when on telemetry is looked at; None is now.
    stop: ends all streams when it is set; a server that waits for its connections to end sets it first.
    """
    page = _Page(feed, clock, clock() if started_at is None else started_at, stop or asyncio.Event())
    return [
        Route("/", page.current),
        Route("/incidents/{id}", page.one),
        Route("/events", page.events),
        Route("/api/incidents", page.all_as_json),
        Route("/api/incidents/{id}", page.one_as_json),
        Route("/page/live.css", partial(_file, views.STYLE, "text/css")),
        Route("/page/live.js", partial(_file, views.SCRIPT, "text/javascript")),
    ]


@dataclass
class _Page:
    """Answers requests from the newest snapshot; what many look at is drawn once, off the event loop."""

    feed: Feed
    clock: Callable[[], float]
    started_at: float
    stop: asyncio.Event
    drawn_from: Snapshot | None = None
    drawn: dict[tuple[str, str], View] = field(default_factory=dict[tuple[str, str], View])
    drawing: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def view(self, root: str, name: str, snapshot: Snapshot) -> View:
        """What is shown of the incident `name` (""; the current one), as far as it is still known of."""
        name = name if views.find(snapshot, name) is not None else ""
        async with self.drawing:
            if self.drawn_from is not snapshot:
                self.drawn_from, self.drawn = snapshot, {}
            if (root, name) not in self.drawn:
                self.drawn[root, name] = await asyncio.to_thread(self._draw, root, name, snapshot)
            return self.drawn[root, name]

    def _draw(self, root: str, name: str, snapshot: Snapshot) -> View:
        view = views.one(snapshot, name, root) if name else None
        return views.current(snapshot, self.started_at, root) if view is None else view

    async def current(self, request: Request) -> Response:
        snapshot, notice = self.feed.latest, ""
        times = [request.query_params.get(key) for key in ("from", "to")]
        if snapshot is not None and None not in times:
            try:
                start, end = (float(time or "") for time in times)
            except ValueError:
                return await self._page(request, "", "from and to must be Unix seconds.", 400)
            found = views.around(snapshot, start, end)
            if found is not None:
                return RedirectResponse(f"{_root(request)}/incidents/{quote(found.id, safe='')}", 303, _FRESH)
            notice = "No incident is known of in the time that you came from; this is the state now."
        return await self._page(request, "", notice)

    async def one(self, request: Request) -> Response:
        name = request.path_params["id"]
        if self.feed.latest is not None and views.find(self.feed.latest, name) is None:
            return await self._page(
                request, "", f"No incident {name} is known of (any more); this is the state now.", 404
            )
        return await self._page(request, name)

    async def _page(self, request: Request, name: str, notice: str = "", status: int = 200) -> Response:
        snapshot, root = self.feed.latest, _root(request)
        view = None if snapshot is None else await self.view(root, name, snapshot)
        text = views.page(
            view,
            views.standing(snapshot, self.clock()),
            root=root,
            events=f"{root}/events" + (f"?incident={quote(name, safe='')}" if name else ""),
            notice=notice,
        )
        return Response(text, status, _FRESH, "text/html")

    async def events(self, request: Request) -> Response:
        show = partial(self.view, _root(request), request.query_params.get("incident", ""))
        seen = request.headers.get("last-event-id") or request.query_params.get("shown", "")
        stream = events(self.feed, show, seen, self.clock, self.stop)
        # a proxy that gathers before it passes on (nginx) would hold events back
        return StreamingResponse(stream, 200, {**_FRESH, "X-Accel-Buffering": "no"}, "text/event-stream")

    async def all_as_json(self, request: Request) -> Response:
        return _no_answer_yet() if self.feed.latest is None else _json(self.feed.latest)

    async def one_as_json(self, request: Request) -> Response:
        if self.feed.latest is None:
            return _no_answer_yet()
        found = views.find(self.feed.latest, request.path_params["id"])
        return _json({"error": "no incident of this id is known of"}, 404) if found is None else _json(found)


def _root(request: Request) -> str:
    return str(request.scope.get("root_path", "")).rstrip("/")


def _json(value: object, status: int = 200, **headers: str) -> Response:
    return Response(msgspec.json.encode(value), status, {**_FRESH, **headers}, "application/json")


def _no_answer_yet() -> Response:
    return _json({"error": "no telemetry has been looked at yet"}, 503, **{"Retry-After": "5"})


async def _file(text: str, kind: str, request: Request) -> Response:
    return Response(text, 200, _FOR_LONG, kind)
