"""Two processes want different things of one ticket at the same moment: exactly one of them happens."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import IO, cast

import pytest

from authz.adapters.redis.store import RedisTicketStore
from authz.domain.ticket import State, Ticket
from tests.integration.redis.drafts import draft, vote
from tests.support.redis_server import RedisServer

ROUNDS = int(os.environ.get("HOLDGATE_TEST_RACE_ROUNDS", "3"))
PAIRS = [
    ("withdraw", "approve", State.PENDING),
    ("revoke", "redeem", State.APPROVED),
    ("supersede", "approve_alone", State.PENDING),
    ("supersede", "redeem", State.APPROVED),
]


@contextmanager
def rivals(url: str, how: str, *wishes: str) -> Iterator[list[subprocess.Popen[str]]]:
    command = [sys.executable, "-m", "tests.integration.redis.rivals", url]
    with ExitStack() as stack:
        yield [
            stack.enter_context(
                subprocess.Popen(
                    [*command, wish, how], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
                )
            )
            for wish in wishes
        ]


def happened(processes: list[subprocess.Popen[str]], ticket: Ticket) -> int:
    for process in processes:
        stdin = cast("IO[str]", process.stdin)
        stdin.write(f"{ticket.id} {ticket.rev} {ticket.draft.fingerprint.digest}\n")
        stdin.flush()
    return sum(int(cast("IO[str]", process.stdout).readline()) for process in processes)


async def wanted_by_both(store: RedisTicketStore, number: int, state: State, wish: str) -> Ticket:
    """A ticket that both can have: a grant, or one that waits, with a vote where that is to be withdrawn."""
    ticket = (await store.create(draft(f"/{number}"))).ticket
    if wish == "supersede" and state is State.PENDING:
        return ticket
    voted = await store.vote(ticket.id, 1, [vote()], state, {})
    assert voted is not None
    return voted.ticket


@pytest.mark.timeout(60 + 5 * ROUNDS)
@pytest.mark.parametrize(("wish", "other", "state"), PAIRS)
async def test_exactly_one_of_two_happens(
    store: RedisTicketStore, shared_server: RedisServer, wish: str, other: str, state: State
) -> None:
    with rivals(shared_server.url, "guarded", wish, other) as processes:
        for number in range(ROUNDS):
            ticket = await wanted_by_both(store, number, state, wish)
            assert happened(processes, ticket) == 1
            loaded = await store.load(ticket.id)
            assert loaded is not None
            assert loaded.ticket.rev == ticket.rev + 1


@pytest.mark.parametrize(("wish", "other", "state"), [PAIRS[0], PAIRS[2]])
async def test_without_the_guards_more_than_one_happens(
    store: RedisTicketStore, shared_server: RedisServer, wish: str, other: str, state: State
) -> None:
    with rivals(shared_server.url, "unguarded", wish, other) as processes:
        ticket = await wanted_by_both(store, 0, state, wish)
        assert happened(processes, ticket) > 1
