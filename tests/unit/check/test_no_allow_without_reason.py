"""Invariant 1, for whatever policy and store say: no Forward without an allow or enough votes."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from authz.domain.answer import Forward
from authz.domain.errors import RecordUnreadable, StoreUnavailable
from authz.domain.ticket import State
from authz.services.check import redeeming
from authz.services.ports import RedeemResult
from tests.support.gated_requests import sent_by
from tests.support.memory_store import MemoryStore
from tests.unit.check.world import AGAIN, HOLD, World, demanding

results = st.sampled_from(
    [
        True,
        False,
        None,
        7,
        {},
        {"allowed": True},
        {"allowed": "true"},
        {"allowed": True, "approval": {}},
        {"allowed": False},
        {"allowed": False, "http_status": 200},
        {"allowed": False, "approval": None},
        {"allowed": False, "approval": []},
        {"allowed": True, "headers": {"x-approval-by": "boss"}},
        {"allowed": True, "headers": {":path": "/other"}},
        HOLD,
        demanding(approvers=[{"group": "sre", "count": 2}]),
        demanding(approvers=[{"group": "security"}]),
        demanding(approvers=[{"group": "sre", "count": 0}]),
        demanding(bind={"headers": ["x-env"]}),
        StoreUnavailable("none of the policy's"),
        TimeoutError(),
    ]
)
store_says: st.SearchStrategy[Any] = st.sampled_from(
    [*RedeemResult, StoreUnavailable("down"), RecordUnreadable("bad")]
)
SAME = "/resources/db-orders"


class OddStore(MemoryStore):
    """Takes a use as the memory does, or, where `says` is anything but redeemed, says that; keeps what it said."""

    def __init__(self, says: object) -> None:
        super().__init__()
        self._says = says
        self.said: list[object] = []

    async def redeem(self, *args: Any) -> RedeemResult:  # noqa: ANN401 - the port's
        says = await super().redeem(*args) if self._says is RedeemResult.REDEEMED else self._says
        self.said.append(says)
        if isinstance(says, Exception):
            raise says
        assert isinstance(says, RedeemResult)
        return says


@dataclass(frozen=True, slots=True)
class Case:
    """What the policy says without and with input.approval, what the store says, and who retries what with a ticket."""

    plain: object = None
    approved: object = None
    says: object = RedeemResult.REDEEMED
    state: State = State.APPROVED
    sender: str = "alice"
    path: str = SAME
    ticket: bool = True

    async def judge(self) -> tuple[bool, bool]:
        """Return whether the request went through, and whether it had a reason to, judged by hand."""
        world = World(memory=(store := OddStore(self.says)))
        token = await world.approved()
        world.change(token, state=self.state)
        said: list[tuple[bool, object]] = []

        def answer(document: Mapping[str, object]) -> object:
            seen = "approval" in document
            said.append((seen, self.approved if seen else self.plain))
            return said[-1][1]

        world.policy.result = answer
        request = replace(AGAIN, claims=sent_by(self.sender), path=self.path)
        outcome = await world.check(request, *([token] if self.ticket else []))
        seen, last = said[-1] if said else (False, None)
        plainly = last is True or (
            isinstance(last, dict) and last.get("allowed") is True and "approval" not in last
        )
        taken = store.said[-1:] in ([RedeemResult.REDEEMED], [RedeemResult.REPLAYED])
        same = (self.sender, self.path, self.state) == ("alice", SAME, State.APPROVED)
        reason = (same and taken and (plainly or last == HOLD)) if seen else (plainly and not taken)
        return isinstance(outcome.answer, Forward), reason


cases = st.builds(
    Case,
    plain=results,
    approved=results,
    says=store_says,
    state=st.sampled_from(list(State)),
    sender=st.sampled_from(["alice", "dave"]),
    path=st.sampled_from([SAME, "/other"]),
    ticket=st.booleans(),
)


@given(cases)
@settings(max_examples=250, deadline=None)
@example(Case(approved=HOLD))
@example(Case(approved=True))
@example(Case(plain=True, state=State.REJECTED, sender="dave", path="/other", ticket=False))
def test_nothing_goes_through_without_an_allow_or_enough_votes(case: Case) -> None:
    """Whatever policy and store say, whatever became of the ticket."""
    went, reason = asyncio.run(case.judge())
    assert reason or not went


@pytest.mark.parametrize(
    ("guard", "broken", "case"),
    [
        ("changed_parts", lambda _then, _now: (), Case(approved=HOLD, path="/other")),
        ("_LET_THROUGH", frozenset(RedeemResult), Case(approved=HOLD, says=RedeemResult.USED_UP)),
        (
            "Sufficiency.satisfied",
            lambda *_: True,
            Case(approved=demanding(approvers=[{"group": "sre", "count": 2}])),
        ),
    ],
)
async def test_the_property_catches_a_missing_guard(
    monkeypatch: pytest.MonkeyPatch, guard: str, broken: object, case: Case
) -> None:
    """Control: with a guard removed the same judgement finds a request that went through without a reason."""
    assert (await case.judge())[0] is False
    monkeypatch.setattr(f"{redeeming.__name__}.{guard}", broken)
    went, reason = await case.judge()
    assert went
    assert not reason


@pytest.mark.parametrize("approved", [HOLD, True, {"allowed": True}])
async def test_a_good_retry_goes_through(approved: object) -> None:
    """The property isn't true because nothing ever passes."""
    assert await Case(approved=approved).judge() == (True, True)
