from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest

from authz.entrypoints.demo.upstream import Upstream


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(Upstream({"db": {"state": "active"}}).app())
    async with httpx.AsyncClient(transport=transport, base_url="http://upstream") as made:
        yield made


async def test_it_shows_what_it_received_but_no_credentials(client: httpx.AsyncClient) -> None:
    headers = {"x-approval-id": "7", "authorization": "Bearer secret"}
    answer = (await client.get("/resources/db", headers=headers)).json()
    assert answer["state"] == "active"
    assert answer["received"]["x-approval-id"] == "7"
    assert "secret" not in str(answer)


async def test_what_is_deleted_is_gone_and_every_hit_counts(client: httpx.AsyncClient) -> None:
    assert (await client.delete("/resources/db")).json()["deleted"] == "db"
    assert (await client.delete("/resources/db")).status_code == 404
    assert (await client.get("/resources")).json()["resources"] == {}
    assert (await client.get("/hits")).json() == {"DELETE /resources/db": 2, "GET /resources": 1}


async def test_a_deployment_is_repeated_back(client: httpx.AsyncClient) -> None:
    made = await client.post("/deployments", json={"service": "orders"})
    assert (made.status_code, made.json()["deployed"]) == (201, {"service": "orders"})
    assert (await client.post("/deployments", content=b"{")).status_code == 400


async def test_the_count_is_bounded(client: httpx.AsyncClient) -> None:
    for number in range(1005):
        await client.get(f"/resources/{number}")
    hits = (await client.get("/hits")).json()
    assert len(hits) == 1001
    assert hits["others"] == 5
