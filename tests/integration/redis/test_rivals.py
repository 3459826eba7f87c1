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


def ask(process: subprocess.Popen[str], ticket: Ticket) -> None:
    stdin = cast("IO[str]", process.stdin)
    stdin.write(f"{ticket.id} {ticket.rev} {ticket.draft.fingerprint.digest}\n")
    stdin.flush()


def happened(process: subprocess.Popen[str]) -> int:
    return int(cast("IO[str]", process.stdout).readline())


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
            for process in processes:
                ask(process, ticket)
            assert sum(happened(process) for process in processes) == 1
            loaded = await store.load(ticket.id)
            assert loaded is not None
            assert loaded.ticket.rev == ticket.rev + 1


@pytest.mark.parametrize("how", ["guarded", "unguarded"])
@pytest.mark.parametrize(
    ("first", "second", "state"),
    [
        ("withdraw", "approve", State.PENDING),
        ("redeem", "revoke", State.APPROVED),
        ("supersede", "approve_alone", State.PENDING),
        ("redeem", "supersede", State.APPROVED),
    ],
)
async def test_only_the_guards_keep_the_second_from_happening_too(
    store: RedisTicketStore, shared_server: RedisServer, first: str, second: str, state: State, how: str
) -> None:
    """Control: who comes second still acts on what it read before. In turn, so that no load decides who is first."""
    with rivals(shared_server.url, how, first, second) as processes:
        ticket = await wanted_by_both(store, 0, state, first)
        counts = []
        for process in processes:
            ask(process, ticket)
            counts.append(happened(process))
    assert counts[0] >= 1
    assert (counts == [1, 0]) if how == "guarded" else (counts[1] >= 1)
