from __future__ import annotations

import asyncio
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from authz.adapters.opa.client import OpaAnswer, OpaClient
from authz.domain.errors import PolicyMalformed, PolicyUnavailable
from tests.support.ports import free_port
from tests.unit.opa.tiny_server import Answer, after, json_answer, raw_answer, tiny_server

YES = json_answer(b'{"result": true, "decision_id": "d-1"}')
LIMIT = 2048


@pytest.fixture
def folder() -> Iterator[Path]:
    """A short path: a socket's may not be longer than 103 bytes on macOS."""
    with tempfile.TemporaryDirectory(prefix="opa-") as name:
        yield Path(name)


def client(url: str, connections: int = 4) -> OpaClient:
    return OpaClient(url, connections=connections, max_answer_bytes=LIMIT)


async def ask(answer: Answer, timeout: float = 5.0, path: str = "envoy/authz/allow") -> OpaAnswer:
    async with tiny_server(answer) as server, client(server.url) as opa:
        return await opa.query(path, {"a": 1}, timeout)


@pytest.mark.parametrize("unix", [True, False])
async def test_an_input_is_posted_to_the_data_api(folder: Path, *, unix: bool) -> None:
    """Over TCP and over a unix socket, on one connection that is kept."""
    async with tiny_server(YES, folder / "opa.sock" if unix else None) as server, client(server.url) as opa:
        for _ in range(3):
            assert await opa.query("/envoy/authz/allow/", {"a": "\u00e9"}, 5) == OpaAnswer(
                defined=True, result=True, decision_id="d-1"
            )
        head, body = server.requests[0]
        assert head.startswith("POST /v1/data/envoy/authz/allow HTTP/1.1\r\n")
        assert "content-type: application/json" in head.lower()
        assert json.loads(body) == {"input": {"a": "\u00e9"}}
        assert (len(server.requests), server.connections) == (3, 1)


async def test_an_undefined_decision_is_told_from_one_that_is_null() -> None:
    """OPA leaves `result` out."""
    assert (await ask(json_answer(b"{}"))).defined is False
    null = await ask(json_answer(b'{"result": null}'))
    assert (null.defined, null.result, null.decision_id) == (True, None, "")


@pytest.mark.parametrize(
    "body", [b"", b"no", b"[]", b"true", b'"x"', b"null", b'{"result": true', b'\xff{"result": true}']
)
async def test_what_is_no_answer_of_the_data_api_is_malformed(body: bytes) -> None:
    """Not an allow because it begins like one."""
    with pytest.raises(PolicyMalformed, match="OPA's answer for envoy/authz/allow is not"):
        await ask(json_answer(body))


@pytest.mark.parametrize(
    "body", [b'{"result": "' + b"x" * LIMIT + b'"}', b" " * 10_000_000 + b'{"result": true}']
)
async def test_an_answer_that_is_too_long_is_malformed(body: bytes) -> None:
    """It isn't read to its end."""
    with pytest.raises(PolicyMalformed, match="longer than 2048 bytes"):
        await ask(json_answer(body))


@pytest.mark.parametrize(
    "status",
    ["201 Created", "204 No Content", "400 Bad Request", "401 Unauthorized", "500 Internal", "503 No"],
)
async def test_another_status_is_no_answer(status: str) -> None:
    """Even with an allow in its body."""
    body = b"" if status.startswith("204") else b'{"result": true}'
    with pytest.raises(PolicyUnavailable, match=f"status {status[:3]}"):
        await ask(json_answer(body, status))


@pytest.mark.parametrize("code", ["eval_conflict_error", "eval_builtin_error", "eval_type_error"])
async def test_a_policy_that_fails_is_told_from_an_opa_that_fails(code: str) -> None:
    """The author has to mend it; the message may quote the input and is left out."""
    errors = [{"code": code, "message": "s3cret", "location": {"file": "a.rego"}}]
    body = json.dumps({"code": "internal_error", "message": "s3cret", "errors": errors}).encode()
    with pytest.raises(PolicyMalformed, match=code) as malformed:
        await ask(json_answer(body, "500 Internal Server Error"))
    assert "s3cret" not in str(malformed.value)


@pytest.mark.parametrize(
    "body",
    [
        b'{"code": "internal_error"}',
        b'{"errors": []}',
        b'{"errors": [{"code": "eval_cancel_error"}]}',
        b'{"errors": [{"code": "storage_error"}]}',
        b'{"errors": [{"code": "eval_\\nforged log line"}]}',
        b'{"errors": "x"}',
        b"[",
    ],
)
async def test_another_500_is_opas_own(body: bytes) -> None:
    """Cancelled, storage, or anything that isn't of OPA's form."""
    with pytest.raises(PolicyUnavailable, match="status 500"):
        await ask(json_answer(body, "500 Internal Server Error"))


@pytest.mark.parametrize(
    "status", ["301 Moved", "302 Found", "307 Temporary Redirect", "308 Permanent Redirect"]
)
async def test_a_redirect_is_not_followed(status: str) -> None:
    """Somebody else's answer is no answer of OPA's."""
    async with tiny_server(YES) as elsewhere:
        away = json_answer(b"", status, f"location: {elsewhere.url}/v1/data/envoy/authz/allow")
        with pytest.raises(PolicyUnavailable, match=f"status {status[:3]}"):
            await ask(away)
        assert elsewhere.requests == []


async def test_a_late_answer_is_none_and_closes_the_connection() -> None:
    """An evaluation that goes on would block OPA's policy updates."""
    never = asyncio.Event()
    async with tiny_server(after(never, YES)) as server, client(server.url) as opa:
        with pytest.raises(PolicyUnavailable, match="within 50 ms"):
            await opa.query("x", {}, 0.05)
        await server.until(lambda seen: seen.connections == 1 and seen.open == 0)
        never.set()
        assert (await opa.query("x", {}, 5)).result is True
        assert server.connections == 2


async def test_a_late_answer_would_count_without_the_timeout() -> None:
    """Control: the same server, given time."""
    soon = asyncio.Event()
    asyncio.get_running_loop().call_later(0.2, soon.set)
    assert (await ask(after(soon, YES))).result is True


@pytest.mark.parametrize("timeout", [0.0, -1.0])
async def test_no_time_left_is_no_answer(timeout: float) -> None:
    """The deadline may have passed before OPA is asked."""
    with pytest.raises(PolicyUnavailable, match="within"):
        await ask(YES, timeout)


async def test_an_answer_that_drips_is_late_too() -> None:
    """The timeout is for the whole of it."""
    stuck = asyncio.Event()

    async def drip(writer: asyncio.StreamWriter) -> None:
        writer.write(b'HTTP/1.1 200 OK\r\ncontent-length: 16\r\n\r\n{"result": tr')
        await writer.drain()
        await stuck.wait()

    with pytest.raises(PolicyUnavailable, match="within"):
        await ask(drip, 0.1)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"HTTP/1.1 200 OK\r\ncontent-length: 16\r\n\r\n{",
        b"SSH-2.0-OpenSSH\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n{}",
        b"HTTP/1.1 200 OK\r\nx: " + b"y" * 100_000,
    ],
)
async def test_a_broken_connection_is_no_answer(data: bytes) -> None:
    """Closed at once, in the middle, or not HTTP."""
    with pytest.raises(PolicyUnavailable, match="can't be reached"):
        await ask(raw_answer(data))


async def test_nobody_listening_is_no_answer(folder: Path) -> None:
    """On TCP and on a unix socket; the error names the address."""
    url = f"http://127.0.0.1:{free_port()}"
    for where, named in ((url, url), (f"unix://{folder}/none.sock", f"{folder}/none.sock")):
        async with client(where) as opa:
            with pytest.raises(PolicyUnavailable, match="can't be reached") as error:
                await opa.query("x", {}, 5)
            assert named in str(error.value)
            assert await opa.healthy(1) is False


async def test_a_client_that_is_not_open_asks_nobody() -> None:
    """Nor after it was closed for good."""
    opa = client("http://127.0.0.1:1")
    with pytest.raises(PolicyUnavailable, match="not open"):
        await opa.query("x", {}, 1)
    assert await opa.healthy(1) is False


async def test_questions_at_once_are_bounded() -> None:
    """The rest waits for a connection, and not longer than its own time."""
    go = asyncio.Event()
    async with tiny_server(after(go, YES)) as server, client(server.url, connections=2) as opa:
        waiting = [asyncio.ensure_future(opa.query("x", {}, 5)) for _ in range(6)]
        await server.until(lambda seen: len(seen.requests) == 2)
        with pytest.raises(PolicyUnavailable, match="within 20 ms"):
            await opa.query("x", {}, 0.02)
        go.set()
        assert [answer.result for answer in await asyncio.gather(*waiting)] == [True] * 6
        assert (server.most_at_once, server.connections) == (2, 2)


async def test_more_would_be_under_way_with_a_larger_bound() -> None:
    """Control: the bound is the setting's, not the server's."""
    go = asyncio.Event()
    async with tiny_server(after(go, YES)) as server, client(server.url, connections=6) as opa:
        waiting = [asyncio.ensure_future(opa.query("x", {}, 5)) for _ in range(6)]
        await server.until(lambda seen: len(seen.requests) == 6)
        go.set()
        await asyncio.gather(*waiting)
        assert server.most_at_once == 6


async def test_a_proxy_in_the_environment_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable must not redirect authorization."""
    async with tiny_server(json_answer(b'{"result": "proxied"}')) as proxy:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        assert (await ask(YES)).result is True
        assert proxy.requests == []


async def test_a_cancelled_question_frees_its_connection() -> None:
    """The client of Envoy went away."""
    never = asyncio.Event()
    async with tiny_server(after(never, YES)) as server, client(server.url, connections=1) as opa:
        task = asyncio.ensure_future(opa.query("x", {}, 5))
        await server.until(lambda seen: len(seen.requests) == 1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        never.set()
        assert (await opa.query("x", {}, 5)).result is True


@pytest.mark.parametrize(
    ("status", "healthy"), [("200 OK", True), ("500 Internal Server Error", False), ("302 Found", False)]
)
async def test_health_is_opas_own_word(status: str, *, healthy: bool) -> None:
    """Bundles and plugins included."""
    async with tiny_server(json_answer(b"{}", status)) as server, client(server.url) as opa:
        assert await opa.healthy(1) is healthy
        assert server.requests[0][0].startswith("GET /health?bundles&plugins ")


async def test_a_health_check_does_not_wait_for_ever() -> None:
    """A probe has a second."""
    async with tiny_server(after(asyncio.Event(), YES)) as server, client(server.url) as opa:
        assert await opa.healthy(0.05) is False
