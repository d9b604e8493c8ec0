"""Health, readiness and metrics over HTTP."""

from __future__ import annotations

from dataclasses import dataclass

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from .core import Core
from .guard import MemoryGuard


@dataclass
class Health:
    """What is wrong with the server itself."""

    core: Core
    guard: MemoryGuard
    ready: bool = False

    def problems(self) -> list[str]:
        """A sentence each; none where all is well."""
        found: list[str] = []
        if self.core.disk_full:
            found.append("the disk is full: nothing is taken until there is room")
        if self.guard.refusing:
            found.append("memory is short: nothing is taken until some is free")
        return found


def health_routes(health: Health, registry: CollectorRegistry | None) -> list[BaseRoute]:
    """/healthz (200 while it lives), /readyz (503 while it cannot take anything), and /metrics of a registry."""

    async def healthz(_: Request) -> Response:
        problems = health.problems()
        return JSONResponse({"status": "degraded" if problems else "ok", "problems": problems})

    async def readyz(_: Request) -> Response:
        problems = health.problems() if health.ready else ["the server is starting or stopping"]
        return JSONResponse(
            {"status": "not ready" if problems else "ready", "problems": problems}, 503 if problems else 200
        )

    async def metrics(request: Request) -> Response:
        assert registry is not None
        encode, kind = choose_encoder(request.headers.get("accept", ""))
        return Response(encode(registry), headers={"content-type": kind})

    routes: list[BaseRoute] = [Route("/healthz", healthz), Route("/readyz", readyz)]
    return routes if registry is None else [*routes, Route("/metrics", metrics)]
