"""One run: made-up requests for both servers, counted by what came of them."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from google.protobuf.json_format import MessageToJson

from authz.wire.ext_authz_pb2 import CheckRequest
from tests.fuzz.differential.comparison import SAME, Compared, Comparison
from tests.fuzz.differential.minimising import minimised
from tests.fuzz.differential.requests import Check, Requests
from tests.fuzz.memory import FlatMemory

# More are no more telling, and each is asked hundreds of times while it is made smaller.
_FOUND_AT_MOST = 5
_PROGRESS = 50_000


@dataclass
class Score:
    """What was asked, by kind; how often which row of docs/compatibility.md told the answers apart; the rest."""

    asked: Counter[str] = field(default_factory=Counter)
    rows: Counter[str] = field(default_factory=Counter)
    alike: int = 0
    found: list[str] = field(default_factory=list)

    def add(self, check: Check, compared: Compared) -> None:
        """Count one comparison."""
        self.asked[check.kind] += 1
        self.alike += compared.rows == SAME
        self.rows.update(compared.rows or ())

    def text(self) -> str:
        """Say it all in some lines."""
        asked = ", ".join(f"{kind} {count:,}" for kind, count in sorted(self.asked.items()))
        rows = ", ".join(f"{row} {count:,}" for row, count in self.rows.most_common()) or "none"
        total = self.asked.total()
        return (
            f"{total:,} requests: {self.alike:,} answered alike, {total - self.alike - len(self.found):,} apart "
            f"for a reason in docs/compatibility.md, {len(self.found)} unexplained\n"
            f"asked: {asked}\nreasons: {rows}"
        )


async def run(
    comparison: Comparison,
    requests: Requests,
    numbers: range,
    *,
    at_once: int,
    tell: Callable[[str], None],
    memory: FlatMemory,
) -> Score:
    """Send each of the numbered requests to both servers. Stops early where too much is unexplained.

    `memory` looks at Holdgate's. Raises GrowingMemory, and ConnectionError when a server is gone.
    """
    score = Score()
    left = iter(numbers)

    async def worker() -> None:
        for number in left:
            check = requests.make(number)
            compared = await comparison.compare(check.request)
            score.add(check, compared)
            memory.count()
            if compared.rows is None:
                score.found.append("")
                place = len(score.found) - 1
                score.found[place] = await _described(comparison, check, number)
                tell(score.found[place])
            if score.asked.total() % _PROGRESS == 0:
                tell(score.text())
            if len(score.found) >= _FOUND_AT_MOST:
                return

    await asyncio.gather(*(worker() for _ in range(at_once)))
    return score


async def _described(comparison: Comparison, check: Check, number: int) -> str:
    """Make the request as small as it can be, and show it with both answers."""

    async def unexplained(request: CheckRequest) -> bool:
        return (await comparison.compare(request)).rows is None

    smallest = await minimised(check.request, unexplained)
    compared = await comparison.compare(smallest)
    return "\n".join(_lines(check, number, smallest, compared))


def _lines(check: Check, number: int, smallest: CheckRequest, compared: Compared) -> Iterator[str]:
    yield f"UNEXPLAINED: number {number}, {check.kind}"
    yield f"  request  {MessageToJson(smallest, indent=None)}"
    yield f"  as bytes {smallest.SerializeToString().hex()}"
    yield f"  peer     {compared.theirs}"
    yield f"  Holdgate {compared.ours}"
