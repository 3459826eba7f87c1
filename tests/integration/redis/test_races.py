from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import IO, cast

import pytest

from authz.adapters.redis.store import RedisTicketStore
from authz.domain.events import EventType
from authz.domain.ticket import State, Ticket
from tests.integration.redis.drafts import draft, vote
from tests.support.redis_server import RedisServer

ROUNDS = int(os.environ.get("HOLDGATE_TEST_RACE_ROUNDS", "3"))
PROCESSES = 2


@contextmanager
def redeemers(url: str, how: str) -> Iterator[list[subprocess.Popen[str]]]:
    command = [sys.executable, "-m", "tests.integration.redis.redeemers", url, how]
    with ExitStack() as stack:
        yield [
            stack.enter_context(
                subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            )
            for _ in range(PROCESSES)
        ]


def redeem_everywhere(processes: list[subprocess.Popen[str]], ticket: Ticket) -> tuple[int, int]:
    """Let all processes redeem at once; return how many were let through, and how many found it used up."""
    for process in processes:
        stdin = cast("IO[str]", process.stdin)
        stdin.write(f"{ticket.id} {ticket.draft.fingerprint.digest}\n")
        stdin.flush()
    pairs = [cast("IO[str]", process.stdout).readline().split() for process in processes]
    return sum(int(pair[0]) for pair in pairs), sum(int(pair[1]) for pair in pairs)


async def granted(store: RedisTicketStore, number: int) -> Ticket:
    ticket = (await store.create(draft(f"/{number}"))).ticket
    voted = await store.vote(ticket.id, 1, [vote()], State.APPROVED, {})
    assert voted is not None
    return voted.ticket


@pytest.mark.timeout(60 + 5 * ROUNDS)
async def test_of_1000_redemptions_over_two_processes_exactly_one_is_let_through(
    store: RedisTicketStore, shared_server: RedisServer
) -> None:
    with redeemers(shared_server.url, "guarded") as processes:
        for number in range(ROUNDS):
            ticket = await granted(store, number)
            before = await store.last_position()
            assert redeem_everywhere(processes, ticket) == (1, 999)
            events = [event.type for event in await store.events(before, 5_000, 0)]
            assert events == [EventType.GRANT_REDEEMED, EventType.GRANT_USED_UP]


async def test_without_the_guards_more_than_one_is_let_through(
    store: RedisTicketStore, shared_server: RedisServer
) -> None:
    with redeemers(shared_server.url, "unguarded") as processes:
        allowed, _ = redeem_everywhere(processes, await granted(store, 0))
    assert allowed > 1
