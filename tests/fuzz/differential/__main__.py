"""Asks Holdgate and another ext_authz server the same made-up requests: `make fuzz PEER=HOST:PORT`.

    python -m tests.fuzz.differential --write DIR          what the other server has to be given
    python -m tests.fuzz.differential --peer HOST:PORT     compare; exit status 1 on a difference without a reason

The other server answers by DIR/echo.rego and knows the descriptors DIR/shop.pb. Both are asked nothing but checks.
"""

from __future__ import annotations

import argparse
import secrets
import signal
import sys
from pathlib import Path

import uvloop

from tests.fuzz.differential.comparison import Comparison
from tests.fuzz.differential.grpc_calls import GrpcCalls
from tests.fuzz.differential.holdgate import DESCRIPTORS, running, write_policy
from tests.fuzz.differential.requests import Requests
from tests.fuzz.differential.run import Score, run
from tests.fuzz.memory import FlatMemory

# JSON as deep as any of the servers takes it has to be read here, too.
_DEEPEST = 50_000
_WARM_UP = 5_000


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.differential", description=__doc__)
    parser.add_argument("--write", type=Path, metavar="DIR", help="write policy and descriptors, and stop")
    parser.add_argument("--peer", metavar="HOST:PORT", help="the server to compare with")
    parser.add_argument("--examples", type=int, default=20_000, metavar="N", help="how many requests")
    parser.add_argument("--seed", default=secrets.token_hex(4), help="says which requests; random without it")
    parser.add_argument("--first", type=int, default=0, metavar="N", help="the number of the first request")
    parser.add_argument("--at-once", type=int, default=16, metavar="N", help="how many are under way")
    given = parser.parse_args()
    if given.write:
        write_policy(given.write)
        return 0
    if not given.peer:
        parser.error("--peer or --write is needed")
    sys.setrecursionlimit(_DEEPEST)
    # So that the servers started here don't outlive it.
    signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))
    _tell(f"seed {given.seed}, numbers from {given.first}")
    with running() as (server, folder):
        memory = FlatMemory(_WARM_UP, pid=server.pid)
        calls = GrpcCalls((folder / DESCRIPTORS).read_bytes())
        score = uvloop.run(_compare(given, server.address, calls, memory))
    _tell(f"{score.text()}\nHoldgate: {memory.text()} requests")
    return 1 if score.found else 0


async def _compare(given: argparse.Namespace, holdgate: str, calls: GrpcCalls, memory: FlatMemory) -> Score:
    numbers = range(given.first, given.first + given.examples)
    requests = Requests(given.seed, calls)
    async with Comparison(given.peer, holdgate, calls) as comparison:
        return await run(comparison, requests, numbers, at_once=given.at_once, tell=_tell, memory=memory)


def _tell(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
