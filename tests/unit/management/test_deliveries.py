"""What was given up is shown, and sent again, to whom the operator's rule lets audit."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable
from typing import TYPE_CHECKING

import grpc
import pytest

from authz.entrypoints.management.letter_message import WHY_MAX
from authz.entrypoints.management.server import ManagementServer
from authz.services.dead_letters import ChannelAnswer, DeadLetterService
from authz.services.permissions import Action
from authz.wire.holdgate.v1 import deliveries_pb2 as wire
from authz.wire.holdgate.v1.deliveries_pb2_grpc import DeliveriesStub
from tests.support.memory_letters import MemoryLetters, letter
from tests.support.operators_rule import OperatorsRule
from tests.support.people import TokenMaker
from tests.unit.management.errors import failure

if TYPE_CHECKING:
    from authz.wire.holdgate.v1.deliveries_pb2_grpc import DeliveriesAsyncStub

TICKET = letter().ticket_id


@pytest.fixture
async def deliveries(server: ManagementServer) -> AsyncIterator[DeliveriesAsyncStub]:
    async with grpc.aio.insecure_channel(server.address) as channel:
        yield DeliveriesStub(channel)


async def refused(call: Awaitable[object]) -> tuple[str, str]:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return failure(caught.value).status, failure(caught.value).reason


async def test_they_are_listed_with_all_that_is_known(
    deliveries: DeliveriesAsyncStub, letters: MemoryLetters, tokens: TokenMaker
) -> None:
    letters.letters = [letter(2), letter(1, happened_at=0, why="w" * 5000)]
    who = tokens.metadata("bob")
    listed = await deliveries.ListDeadLetters(wire.ListDeadLettersRequest(), metadata=who)
    first, second = listed.letters
    assert (first.id, first.ticket_id, first.attempts) == (letter(2).entry, TICKET, 8)
    assert list(first.channels) == ["mail", "teams"]
    assert first.buried_at.ToMilliseconds() == letter(2).buried_at
    assert first.happened_at.ToMilliseconds() == letter().happened_at
    assert not second.HasField("happened_at")
    assert len(second.why) == WHY_MAX


async def test_pages_lead_through_all_of_them_and_are_bounded(
    deliveries: DeliveriesAsyncStub, letters: MemoryLetters, tokens: TokenMaker
) -> None:
    letters.letters = [letter(number) for number in range(450, 0, -1)]
    token, sizes = "", []
    while True:
        request = wire.ListDeadLettersRequest(page_size=10_000, page_token=token)
        page = await deliveries.ListDeadLetters(request, metadata=tokens.metadata("bob"))
        sizes.append(len(page.letters))
        token = page.next_page_token
        if not token:
            break
    assert sizes == [200, 200, 50]
    request = wire.ListDeadLettersRequest(page_token="made up")
    assert await refused(deliveries.ListDeadLetters(request, metadata=tokens.metadata("bob"))) == (
        "INVALID_ARGUMENT",
        "invalid-argument",
    )


async def test_one_is_sent_again_once(
    deliveries: DeliveriesAsyncStub, letters: MemoryLetters, tokens: TokenMaker
) -> None:
    letters.letters = [letter(1)]
    request = wire.ReplayDeadLetterRequest(id=letter(1).entry)
    done = await deliveries.ReplayDeadLetter(request, metadata=tokens.metadata("bob"))
    assert (done.id, letters.sent) == (letter(1).entry, [letter(1).entry])
    again = deliveries.ReplayDeadLetter(request, metadata=tokens.metadata("bob"))
    assert await refused(again) == ("NOT_FOUND", "unknown-letter")


async def test_what_cannot_be_read_is_not_sent_again(
    deliveries: DeliveriesAsyncStub, letters: MemoryLetters, tokens: TokenMaker
) -> None:
    letters.letters = [letter(1, replayable=False, type="moon.landed")]
    request = wire.ReplayDeadLetterRequest(id=letter(1).entry)
    call = deliveries.ReplayDeadLetter(request, metadata=tokens.metadata("bob"))
    assert await refused(call) == ("FAILED_PRECONDITION", "letter-unreadable")
    assert letters.letters
    assert letters.letters[0].channels == ()


async def test_the_answers_to_a_ticket_are_shown(
    deliveries: DeliveriesAsyncStub, letters: MemoryLetters, tokens: TokenMaker
) -> None:
    letters.said[TICKET] = [
        ChannelAnswer("ticket.created", 1, "teams", "m-1"),
        ChannelAnswer("ticket.created", 1, "", "mail: no answer"),
    ]
    who = tokens.metadata("bob")
    shown = await deliveries.ListAnswers(wire.ListAnswersRequest(ticket_id=TICKET), metadata=who)
    assert [(one.channel, one.accepted, one.text) for one in shown.answers] == [
        ("teams", True, "m-1"),
        ("", False, "mail: no answer"),
    ]
    call = deliveries.ListAnswers(wire.ListAnswersRequest(ticket_id="nonsense"), metadata=who)
    assert await refused(call) == ("NOT_FOUND", "unknown-ticket")


def every_call(
    deliveries: DeliveriesAsyncStub, tokens: TokenMaker, name: str
) -> tuple[Awaitable[object], ...]:
    who = tokens.metadata(name)
    return (
        deliveries.ListDeadLetters(wire.ListDeadLettersRequest(), metadata=who),
        deliveries.ReplayDeadLetter(wire.ReplayDeadLetterRequest(id=letter(1).entry), metadata=who),
        deliveries.ListAnswers(wire.ListAnswersRequest(ticket_id=TICKET), metadata=who),
    )


async def test_whom_the_rule_does_not_let_audit_sees_and_does_nothing(
    deliveries: DeliveriesAsyncStub, letters: MemoryLetters, rule: OperatorsRule, tokens: TokenMaker
) -> None:
    letters.letters = [letter(1)]
    rule.denied = {Action.AUDIT}
    for call in every_call(deliveries, tokens, "bob"):
        assert await refused(call) == ("PERMISSION_DENIED", "not-permitted")
    assert rule.asked == [Action.AUDIT] * 3
    rule.denied = set()
    for call in every_call(deliveries, tokens, "mallory"):
        assert await refused(call) == ("PERMISSION_DENIED", "unknown-person")
    assert letters.sent == []


async def test_without_that_question_anybody_could(
    deliveries: DeliveriesAsyncStub,
    letters: MemoryLetters,
    rule: OperatorsRule,
    tokens: TokenMaker,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Control of the test above."""

    async def unasked(*_: object) -> None:
        return None

    monkeypatch.setattr(DeadLetterService, "_permitted", unasked)
    letters.letters = [letter(1)]
    rule.denied = {Action.AUDIT}
    for call in every_call(deliveries, tokens, "mallory"):
        await call
    assert letters.sent == [letter(1).entry]
