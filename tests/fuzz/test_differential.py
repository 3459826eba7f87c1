"""The comparison with another server: what is alike, what is known to differ, and what it would find.

The other server is a stand-in here: Holdgate itself, and Holdgate with a fault of its own. `make fuzz PEER=HOST:PORT`
takes a real one.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Any, get_args

import grpc
import pytest

from authz.wire.ext_authz_pb2 import CheckRequest, CheckResponse
from authz.wire.ext_authz_pb2_grpc import AuthorizationServicer, add_AuthorizationServicer_to_server
from tests.contract.plugin.asking import Asking
from tests.contract.plugin.case import HERE, Case, cases
from tests.fuzz.differential.comparison import Comparison
from tests.fuzz.differential.grpc_calls import GrpcCalls
from tests.fuzz.differential.holdgate import DESCRIPTORS, running
from tests.fuzz.differential.known_results import of_result
from tests.fuzz.differential.requests import Requests
from tests.fuzz.differential.rows import Row
from tests.fuzz.differential.run import Score, run
from tests.fuzz.memory import FlatMemory, GrowingMemory
from tests.support.ports import free_port

PAGE = HERE.parents[2] / "docs" / "compatibility.md"
Fault = Callable[[CheckRequest, CheckResponse], None]
_ALLOW = "allow := "
_ENOUGH = 300
RESULTS = [case for case in cases() if case.reason and case.policy.startswith(_ALLOW)]


@pytest.fixture(scope="module")
def holdgate() -> Iterator[tuple[str, int, Path]]:
    with running() as (server, folder):
        yield server.address, server.pid, folder


def forgetful(check: CheckRequest, answer: CheckResponse) -> None:
    """Lose a segment of each path that begins with two slashes (CVE-2026-26205)."""
    if check.attributes.request.http.path.startswith("//"):
        said = json.loads(answer.denied_response.body)
        said["parsed_path"] = said["parsed_path"][1:]
        answer.denied_response.body = json.dumps(said)


def lenient(_check: CheckRequest, answer: CheckResponse) -> None:
    """Let a request pass whose policy says what nobody can obey."""
    if int(answer.denied_response.status.code) == HTTPStatus.SERVICE_UNAVAILABLE:
        answer.CopyFrom(CheckResponse())


def unchanged(_check: CheckRequest, _answer: CheckResponse) -> None:
    """Answer as Holdgate does."""


@asynccontextmanager
async def peer(address: str, fault: Fault) -> Any:  # noqa: ANN401 - a generator
    """Serve what Holdgate answers, with a fault; the address."""

    class Servicer(AuthorizationServicer):
        async def Check(self, request: CheckRequest, _context: object) -> CheckResponse:  # noqa: N802 - gRPC's name
            with Asking(address) as behind:
                answer = await asyncio.to_thread(behind.ask, request)
            assert answer is not None
            fault(request, answer)
            return answer

    port = free_port()
    server = grpc.aio.server()
    add_AuthorizationServicer_to_server(Servicer(), server)
    server.add_insecure_port(f"127.0.0.1:{port}")
    await server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        await server.stop(None)


async def compare(
    holdgate: tuple[str, int, Path],
    fault: Fault,
    told: list[str],
    memory: FlatMemory | None = None,
) -> Score:
    address, pid, folder = holdgate
    calls = GrpcCalls((folder / DESCRIPTORS).read_bytes())
    serving: AbstractAsyncContextManager[str] = peer(address, fault)
    async with serving as other, Comparison(other, address, calls) as comparison:
        return await run(
            comparison,
            Requests("differential", calls),
            range(_ENOUGH),
            at_once=4,
            tell=told.append,
            memory=memory or FlatMemory(_ENOUGH, pid=pid),
        )


async def test_equal_servers_are_told_alike(holdgate: tuple[str, int, Path]) -> None:
    """Every kind of request is asked, and no difference is seen where there is none."""
    told: list[str] = []
    score = await compare(holdgate, unchanged, told)
    assert not told
    assert score.alike == score.asked.total() == _ENOUGH
    assert len(score.asked) == 11


async def test_a_lost_segment_is_found_and_shown_in_its_shortest_form(
    holdgate: tuple[str, int, Path],
) -> None:
    """Control: no row of the documentation covers it."""
    told: list[str] = []
    score = await compare(holdgate, forgetful, told)
    assert score.found
    assert '{"attributes": {"request": {"http": {"path": "//"}}}}' in told[0]


async def test_an_allow_of_the_other_server_alone_is_found(holdgate: tuple[str, int, Path]) -> None:
    """Control: also where the policy answers with a result, and not with its input."""
    score = await compare(holdgate, lenient, [])
    assert any("'allow': {}" in text for text in score.found)


async def test_memory_of_the_server_is_watched(holdgate: tuple[str, int, Path]) -> None:
    """Control: with a bound that it can't keep."""
    with pytest.raises(GrowingMemory):
        await compare(holdgate, unchanged, [], FlatMemory(1, pid=holdgate[1], bound=-1))


def test_every_row_is_on_the_page() -> None:
    """A difference that the documentation doesn't tell is not a known one."""
    text = PAGE.read_text(encoding="utf-8")
    assert [row for row in get_args(Row) if f'<a id="{row}">' not in text] == []


@pytest.mark.parametrize("case", RESULTS, ids=lambda case: case.name)
def test_what_the_contract_knows_of_results_is_known_here(case: Case) -> None:
    """The plugin's observed answer and Holdgate's are told apart by the row that the case names."""
    rows = of_result(case.policy.removeprefix(_ALLOW), case.observed, case.expected)
    assert rows is not None
    assert case.reason in rows


def test_a_difference_that_no_row_names_is_none() -> None:
    """Control: a plain denial is a plain denial."""
    result = '{"allowed": false, "http_status": 404}'
    assert of_result(result, {"deny": {"status": "404"}}, {"deny": {"status": "403"}}) is None
    assert of_result(result, {"deny": {"status": "404"}}, {"error": True}) is None
    assert of_result('{"allowed": true}', {"allow": {}}, {"deny": {"status": "403"}}) is None


def test_the_same_number_is_the_same_request(holdgate: tuple[str, int, Path]) -> None:
    """So that a finding can be looked at again."""
    calls = GrpcCalls((holdgate[2] / DESCRIPTORS).read_bytes())
    assert [Requests("a", calls).make(number) for number in range(50)] == [
        Requests("a", calls).make(number) for number in range(50)
    ]
