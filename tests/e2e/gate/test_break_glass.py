"""An emergency under the demo's policy: it passes at once, the room hears of it, and somebody else looks at it."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from authz.domain.errors import VoteRefused
from authz.domain.identity import Actor
from authz.domain.ticket import Ending
from authz.services import reviewing
from authz.services.permissions import BuiltInRule, Permission
from authz.services.review_port import Reviewed
from tests.support.gate import KEYS, Gate, problem, running_gate
from tests.support.gate_backing import backing
from tests.support.gate_opa import DEMO_POLICY
from tests.support.waiting import until

DATABASE = "/resources/db-orders"
ROUTES = json.dumps({"default": ["room"], "prod-changes": ["room"]})
INCIDENT = {"id": "INC-7", "resource": "db-orders"}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gate]:
    """A gate before OPA with the demo's policy; its first server is notifier and console, too."""
    with (
        backing(tmp_path_factory.mktemp("emergency"), DEMO_POLICY) as around,
        running_gate(
            around,
            parts=("all", "check"),
            routes=ROUTES,
        ) as gate,
    ):
        yield gate


@pytest.fixture
def calm(served: Gate) -> Gate:
    """Without an incident."""
    served.backing.upstream.reset()
    served.backing.opa.put("incidents", [])
    return served


@pytest.fixture
def burning(calm: Gate) -> Gate:
    """During an incident about DATABASE."""
    calm.backing.opa.put("incidents", [INCIDENT])
    return calm


def broken(gate: Gate, who: str = "bob") -> str:
    """Have somebody delete DATABASE at once, and return the review's id, which the upstream got."""
    assert gate.send(DATABASE, who=who).status == 200
    (message,) = gate.received(DATABASE)
    (review,) = message.values("x-approval-id")
    assert not message.values("x-approval-by")
    return review.decode()


def is_open(gate: Gate, review: str) -> bool:
    return review in {found.review.id for found in gate.open_reviews()}


def test_an_emergency_passes_is_told_and_is_reviewed_by_somebody_else(burning: Gate) -> None:
    review = broken(burning)
    assert is_open(burning, review)
    burning.backing.room.wait_for_card(review)
    said = burning.backing.room.text(review)
    assert all(word in said for word in (DATABASE, "INC-7", "delete-in-incident", "Bob"))
    with pytest.raises(VoteRefused, match="You did this yourself") as own:
        burning.review(review, "bob")
    assert own.value.code == "own-request"
    with pytest.raises(VoteRefused) as other:
        burning.review(review, "dave")
    assert other.value.code == "not-permitted"
    assert is_open(burning, review)
    burning.review(review, "carol")
    assert not is_open(burning, review)
    assert burning.events(review) == ["breakglass.used", "breakglass.reviewed"]
    until("the room hears of the review", lambda: burning.backing.room.cards(review) == 2)
    assert "Carol" in burning.backing.room.text(review)
    with pytest.raises(VoteRefused, match="reviewed this already"):
        burning.review(review, "carol")


def test_control_only_the_code_keeps_one_from_reviewing_oneself(
    burning: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not a rule that allows everything, and not the store."""
    review = broken(burning, "carol")

    async def everything(*_: object) -> Permission:
        return Permission(allowed=True)

    def unchecked(_found: Reviewed, actor: Actor, comment: str) -> Ending:
        assert actor.person is not None
        return Ending(actor.identity, actor.name, actor.person.id, actor.method, comment)

    monkeypatch.setattr(BuiltInRule, "permits", everything)
    with pytest.raises(VoteRefused, match="You did this yourself"):
        burning.review(review, "carol")
    monkeypatch.setattr(reviewing, "_finding", unchecked)
    burning.review(review, "carol")
    assert not is_open(burning, review)


def test_without_an_incident_the_same_person_is_refused(calm: Gate) -> None:
    """Nothing is written down for what didn't pass."""
    with calm.backing.database() as database:
        before = database.xlen(KEYS.audit)
        assert calm.send(DATABASE, who="bob").status == 403
        assert database.xlen(KEYS.audit) == before
    assert calm.hits(DATABASE) == 0


def test_an_incident_does_not_let_others_through(burning: Gate) -> None:
    """An admin who isn't from sre is held as ever, and anybody else denied."""
    assert burning.send(DATABASE, who="alice").status == 202
    assert burning.send(DATABASE, who="dave").status == 403
    assert burning.hits(DATABASE) == 0


def test_what_can_not_be_written_down_does_not_pass(burning: Gate) -> None:
    """No audit and no alarm, no emergency; when Redis is back, it goes through."""
    burning.backing.redis.stop()
    try:
        refused = burning.send(DATABASE, who="bob")
        assert (refused.status, problem(refused)) == (503, "unavailable")
        assert burning.hits(DATABASE) == 0
    finally:
        burning.backing.redis.start()
    until("it passes again", lambda: burning.send(DATABASE, who="bob").status == 200)


def test_one_person_breaks_the_glass_so_often_and_no_more(burning: Gate) -> None:
    """Each use is somebody's work later. Who has used theirs up meets a 429 that names a time; others don't."""
    with running_gate(
        burning.backing, parts=("check",), routes=ROUTES, break_glass_per_minute_per_requester="2"
    ) as gate:
        assert [gate.send(DATABASE, who="bob").status for _ in range(2)] == [200, 200]
        refused = gate.send(DATABASE, who="bob")
        assert (refused.status, problem(refused)) == (429, "break-glass-exhausted")
        assert int(dict(refused.headers)["retry-after"]) >= 1
        assert gate.hits(DATABASE) == 2
        assert gate.send(DATABASE, who="carol").status == 200
