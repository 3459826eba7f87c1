"""A hold belongs to somebody who was verified, or there is none."""

from __future__ import annotations

import pytest

from tests.e2e.gate.conftest import Unguarded
from tests.support.gate import Gate, problem
from tests.support.gate_backing import ROBOT, fresh

CLAIMED = (
    ("x-user", b"alice"),
    ("x-forwarded-client-cert", b"By=spiffe://gate;URI=spiffe://alice"),
    ("x-jwt-payload", b"eyJzdWIiOiJhbGljZSJ9"),
)


def written(gate: Gate) -> list[bytes]:
    with gate.backing.database() as database:
        return sorted(key for key in database.keys("*ticket:*"))


@pytest.mark.parametrize(
    ("who", "headers"), [(None, ()), (None, CLAIMED), (ROBOT, ())], ids=["nobody", "a claim", "shared"]
)
def test_who_is_nobody_in_particular_gets_no_ticket(
    who: str | None, headers: tuple[tuple[str, bytes], ...], gate: Gate
) -> None:
    path, before = fresh("hold"), written(gate)
    response = gate.send(path, *headers, who=who)
    assert (response.status, problem(response)) == (503, "principal-unknown")
    assert response.values("retry-after")
    assert not response.values("x-approval-ticket")
    assert written(gate) == before
    assert gate.hits(path) == 0


@pytest.mark.parametrize("who", [None, ROBOT])
def test_what_the_policy_plainly_allows_needs_nobody(who: str | None, gate: Gate) -> None:
    path = fresh("open")
    assert gate.send(path, who=who).status == 200
    assert gate.hits(path) == 1


@pytest.mark.parametrize("who", [None, ROBOT])
def test_control_without_the_rule_they_all_share_one_ticket(who: str | None, unguarded: Unguarded) -> None:
    gate, path = unguarded.gate, fresh("hold")
    with unguarded.guards.without("known-principal"):
        first, second = gate.send(path, who=who), gate.send(path, who="dave")
    assert first.status == 202
    assert first.values("x-approval-ticket") == second.values("x-approval-ticket")


def test_equal_requests_of_two_principals_are_two_tickets(gate: Gate) -> None:
    path = fresh("hold")
    assert gate.hold(path).id != gate.hold(path, who="dave").id


def test_a_token_of_another_key_is_refused_before_anybody_is_asked(gate: Gate) -> None:
    forged = ("authorization", b"Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJhbGljZSJ9.")
    assert gate.send(fresh("open"), forged, who=None).status == 401
    assert not gate.backing.opa.inputs
