from __future__ import annotations

import httpx
import pytest

from authz.adapters.telemetry.metrics import Metrics
from authz.entrypoints.operations.app import Probe, operations_app


def probe(answer: object) -> Probe:
    async def ask() -> bool:
        if isinstance(answer, Exception):
            raise answer
        return bool(answer)

    return ask


async def get(path: str, required: dict[str, Probe], reported: dict[str, Probe]) -> httpx.Response:
    app = operations_app(Metrics(), required, reported)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://operations") as client:
        return await client.get(path)


@pytest.mark.parametrize(
    ("serving", "opa", "redis", "status"),
    [(True, True, True, 200), (True, True, False, 200), (True, False, True, 503), (False, True, True, 503)],
)
async def test_a_process_is_ready_when_all_that_it_needs_is(
    *, serving: bool, opa: bool, redis: bool, status: int
) -> None:
    """Redis is shown and doesn't count: plain allows need none, and taking all servers out would be worse."""
    required = {"serving": probe(serving), "opa": probe(opa)}
    answer = await get("/readyz", required, {"redis": probe(redis)})
    assert answer.status_code == status
    assert answer.json() == {
        "ready": status == 200,
        "components": {"serving": serving, "opa": opa, "redis": redis},
    }


@pytest.mark.parametrize("where", ["required", "reported"])
async def test_a_probe_that_fails_is_a_no(where: str) -> None:
    """And doesn't hide the others; its text stays inside."""
    broken = {"broken": probe(RuntimeError("s3cret"))}
    fine = {"fine": probe(answer=True)}
    answer = await get("/readyz", *((broken, fine) if where == "required" else (fine, broken)))
    assert answer.status_code == (503 if where == "required" else 200)
    assert answer.json()["components"] == {"broken": False, "fine": True}
    assert "s3cret" not in answer.text


async def test_a_process_lives_while_it_answers() -> None:
    """Whatever it can reach: a restart would mend nothing."""
    answer = await get("/livez", {"opa": probe(answer=False)}, {})
    assert (answer.status_code, answer.json()) == (200, {"live": True})


async def test_metrics_are_prometheus_text() -> None:
    """Version 0.0.4."""
    answer = await get("/metrics", {}, {})
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert "# TYPE holdgate_checks_total counter" in answer.text


async def test_there_is_nothing_else() -> None:
    """And nothing that changes anything."""
    assert (await get("/", {}, {})).status_code == 404
    app = operations_app(Metrics(), {}, {})
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://operations") as client:
        assert (await client.post("/livez")).status_code == 405
