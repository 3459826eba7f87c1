"""Asks two servers the same question, and says what a difference in their answers is due to."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, Self

import grpc

from authz.wire.ext_authz_pb2 import CheckRequest, CheckResponse
from tests.contract.plugin.answer import plain
from tests.fuzz.differential.grpc_calls import GrpcCalls
from tests.fuzz.differential.known_inputs import of_parts, same_attributes
from tests.fuzz.differential.known_results import of_result
from tests.fuzz.differential.requests import RESULT
from tests.fuzz.differential.rows import Rows
from tests.fuzz.differential.twins import carries_ticket, folded, twin

SAME: Final[Rows] = frozenset()
_METHOD = "/envoy.service.auth.v3.Authorization/Check"
_SECONDS = 20.0
_TRIES, _PAUSE_SECONDS = 50, 0.1
_GONE = {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED}


@dataclass(frozen=True, slots=True)
class Compared:
    """Two `plain` answers, and the rows of docs/compatibility.md by which they differ; None where no row tells why."""

    theirs: Any
    ours: Any
    rows: Rows | None


class Comparison:
    """Channels to a peer and to Holdgate. Enter the context inside the event loop."""

    def __init__(self, peer: str, holdgate: str, calls: GrpcCalls) -> None:
        """`peer` and `holdgate` are HOST:PORT or unix:/path."""
        self._addresses = peer, holdgate
        self._calls = calls

    async def __aenter__(self) -> Self:
        self._channels = [grpc.aio.insecure_channel(address) for address in self._addresses]
        self._peer, self._holdgate = (
            channel.unary_unary(_METHOD, CheckRequest.SerializeToString, CheckResponse.FromString)
            for channel in self._channels
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for channel in self._channels:
            await channel.close()

    async def compare(self, check: CheckRequest) -> Compared:
        """Ask both. Raises ConnectionError when one of them is gone."""
        asked = await asyncio.gather(self._answer(self._peer, check), self._answer(self._holdgate, check))
        if RESULT not in check.attributes.context_extensions and _same_text(*asked):
            return Compared(None, None, SAME)
        theirs, ours = map(_plain, asked)
        return Compared(theirs, ours, await self._rows(check, theirs, ours))

    async def _rows(self, check: CheckRequest, theirs: Any, ours: Any) -> Rows | None:  # noqa: ANN401 - JSON
        if theirs == ours:
            return SAME
        result = check.attributes.context_extensions.get(RESULT)
        if result is not None:
            return of_result(result, theirs, ours)
        if ours == {"problem": "TICKET_REFUSED"} and carries_ticket(check):
            return frozenset({"made-up-ticket"})
        rows = SAME
        if "input" in theirs and "input" in ours:
            alike, rows = same_attributes(
                check, theirs["input"].get("attributes"), ours["input"].get("attributes")
            )
            if not alike:
                return None
        other, reasons = twin(check)
        of_twin = theirs if other == check else await self._ask(self._peer, other)
        parts = folded(_parts(of_twin)), folded(_parts(ours))
        more = SAME if parts[0] == parts[1] else of_parts(check, self._calls, *parts)
        return None if more is None else (rows | reasons | more) or None

    async def _ask(self, method: Any, check: CheckRequest) -> Any:  # noqa: ANN401 - grpc's and JSON
        return _plain(await self._answer(method, check))

    async def _answer(self, method: Any, check: CheckRequest) -> CheckResponse | None:  # noqa: ANN401 - grpc's
        for _ in range(_TRIES):
            try:
                answer: CheckResponse = await method(check, timeout=_SECONDS)
            except grpc.aio.AioRpcError as error:
                if error.code() in _GONE:
                    raise ConnectionError(error.details()) from error
                if error.code() is not grpc.StatusCode.RESOURCE_EXHAUSTED:
                    return None
                # It has more to do than it can; that says nothing about this request.
                await asyncio.sleep(_PAUSE_SECONDS)
            else:
                return answer
        raise ConnectionError(f"too busy to answer in {_TRIES} tries")


def _plain(answer: CheckResponse | None) -> Any:  # noqa: ANN401 - any JSON
    try:
        return plain(answer)
    except ValueError as error:
        return {"unreadable": str(error)}


def _same_text(theirs: CheckResponse | None, ours: CheckResponse | None) -> bool:
    """Say whether both show the same input, to the letter: most do, and reading it takes longest."""
    if theirs is None or ours is None or not theirs.status.code or not ours.status.code:
        return False
    denied = theirs.denied_response
    return bool(denied.body) and denied == ours.denied_response


def _parts(answer: Any) -> Any:  # noqa: ANN401 - any JSON
    """Return an answer without the attributes, which are compared by themselves."""
    if "input" not in answer:
        return answer
    return {"input": {name: value for name, value in answer["input"].items() if name != "attributes"}}
