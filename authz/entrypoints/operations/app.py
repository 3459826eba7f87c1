"""`/metrics`, `/livez` and `/readyz` on a listener of their own."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping

import structlog
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from authz.adapters.telemetry.metrics import Metrics

PROMETHEUS_TEXT = "text/plain; version=0.0.4; charset=utf-8"

Probe = Callable[[], Awaitable[bool]]

log = structlog.get_logger("holdgate.operations")


def operations_app(
    metrics: Metrics, required: Mapping[str, Probe], reported: Mapping[str, Probe]
) -> Starlette:
    """Build the application.

    A process is ready when all `required` probes answer true. `reported` ones are shown and don't count: without
    Redis the policy's plain allows still pass, and taking every server out at once would be the greater outage.
    """

    async def show_metrics(_request: Request) -> Response:
        return Response(metrics.text(), media_type=PROMETHEUS_TEXT)

    async def live(_request: Request) -> Response:
        return JSONResponse({"live": True})

    async def ready(_request: Request) -> Response:
        probes = {**required, **reported}
        answers = await asyncio.gather(*(_answer(name, probe) for name, probe in probes.items()))
        components = dict(zip(probes, answers, strict=True))
        good = all(components[name] for name in required)
        return JSONResponse({"ready": good, "components": components}, status_code=200 if good else 503)

    return Starlette(
        routes=[Route("/metrics", show_metrics), Route("/livez", live), Route("/readyz", ready)],
    )


async def _answer(name: str, probe: Probe) -> bool:
    """Ask one probe. One that fails is a no and doesn't hide the others; a bug's text may hold anything."""
    try:
        return await probe()
    except Exception as error:  # noqa: BLE001 - whatever it is, the component is not ready
        log.warning("probe.failed", component=name, error=type(error).__name__)
        return False
