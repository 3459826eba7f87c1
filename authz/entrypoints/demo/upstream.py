"""The sample upstream: resources that can be deleted and deployments that can be made.

It trusts whatever reaches it, as many an upstream does; so it listens on a unix socket in `.run/`, and only
Envoy leads there. Every answer shows what arrived. Its state ends with the process.
"""

from __future__ import annotations

import json
import logging
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

_CREDENTIALS = frozenset({"authorization", "proxy-authorization", "cookie"})
_MAX_COUNTED = 1000
_OTHERS = "others"
_log = logging.getLogger("uvicorn.error")  # the one that uvicorn writes what happens to


class Upstream:
    """Handlers over one run's state. `resources` maps an id to its members."""

    def __init__(self, resources: Mapping[str, Mapping[str, str]]) -> None:
        self._resources = {name: dict(members) for name, members in resources.items()}
        self._hits: Counter[str] = Counter()

    def app(self) -> Starlette:
        """Return the application."""
        return Starlette(
            routes=[
                Route("/healthz", self._health),
                Route("/hits", self._count),
                Route("/resources", self._list),
                Route("/resources/{name}", self._show, methods=["GET"]),
                Route("/resources/{name}", self._delete, methods=["DELETE"]),
                Route("/deployments", self._deploy, methods=["POST"]),
            ]
        )

    async def _health(self, _: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def _count(self, _: Request) -> Response:
        """How often each method and path was reached: `{"DELETE /resources/db-orders": 1}`."""
        return JSONResponse(self._hits)

    async def _list(self, request: Request) -> Response:
        return self._answer(request, {"resources": self._resources})

    async def _show(self, request: Request) -> Response:
        name = request.path_params["name"]
        if name not in self._resources:
            return self._answer(request, {"error": f"there is no {name}"}, 404)
        return self._answer(request, {"resource": name, **self._resources[name]})

    async def _delete(self, request: Request) -> Response:
        name = request.path_params["name"]
        if self._resources.pop(name, None) is None:
            return self._answer(request, {"error": f"there is no {name}"}, 404)
        return self._answer(request, {"deleted": name})

    async def _deploy(self, request: Request) -> Response:
        try:
            deployment = await request.json()
        except ValueError:
            return self._answer(request, {"error": "the body is not JSON"}, 400)
        return self._answer(request, {"deployed": deployment}, 201)

    def _answer(self, request: Request, body: dict[str, object], status: int = 200) -> Response:
        hit = f"{request.method} {request.url.path}"
        _log.info("%r: %d", hit, status)  # without the query, which uvicorn's own line has
        self._hits[hit if hit in self._hits or len(self._hits) < _MAX_COUNTED else _OTHERS] += 1
        received = {
            name: "(not shown)" if name in _CREDENTIALS else ", ".join(request.headers.getlist(name))
            for name in sorted(set(request.headers))
        }
        return JSONResponse({**body, "received": received}, status)


def main() -> None:
    """Serve on the unix socket named first, with the resources of the policy data named second."""
    socket, data = sys.argv[1:]
    resources = json.loads(Path(data).read_text(encoding="utf-8"))["resources"]
    uvicorn.run(Upstream(resources).app(), uds=socket, lifespan="off", server_header=False, access_log=False)


if __name__ == "__main__":
    main()
