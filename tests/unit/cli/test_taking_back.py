from __future__ import annotations

import pytest
from google.protobuf.json_format import Parse

from authz.domain.approver import Approver, ApproverKind
from authz.domain.ticket import State, TicketDraft
from authz.wire.holdgate.v1 import approvals_pb2 as wire
from tests.support.requirements import approved_by
from tests.support.sample_tickets import REQUIREMENT, draft, vote
from tests.unit.cli.conftest import Holdgate
from tests.unit.cli.management_thread import ManagementThread

TWO = approved_by(REQUIREMENT, Approver(ApproverKind.GROUP, "sre", count=2))


def voted(api: ManagementThread, held: TicketDraft, state: State) -> str:
    """Let bob approve, so that the ticket is then in this state."""
    api.run(api.store.vote(held.id, 1, [vote()], state, {}))
    return held.id


@pytest.fixture
def waiting(api: ManagementThread) -> TicketDraft:
    """Return a ticket that needs two approvals."""
    return api.run(api.store.create(draft(1, requirement=TWO))).ticket.draft


def test_a_vote_is_withdrawn(holdgate: Holdgate, api: ManagementThread, waiting: TicketDraft) -> None:
    ticket = voted(api, waiting, State.PENDING)
    result = holdgate("tickets", "withdraw", "--as", "bob", ticket)
    assert (result.exit_code, result.stdout) == (0, f"{ticket}: pending, 0 of 2, awaiting 2 of sre\n")
    assert api.store.tickets[ticket].votes == ()


def test_a_request_is_cancelled(holdgate: Holdgate, api: ManagementThread, held: TicketDraft) -> None:
    result = holdgate("tickets", "cancel", "--as", "alice", "--comment", "no more", "--json", held.id)
    assert result.exit_code == 0
    assert Parse(result.stdout, wire.Ticket()).ending.comment == "no more"
    assert api.store.tickets[held.id].state is State.CANCELLED


def test_a_grant_is_revoked_with_a_reason(
    holdgate: Holdgate, api: ManagementThread, held: TicketDraft
) -> None:
    ticket = voted(api, held, State.APPROVED)
    assert holdgate("tickets", "revoke", "--as", "carol", ticket).exit_code == 2
    result = holdgate("tickets", "revoke", "--as", "carol", "--comment", "too soon", ticket)
    assert (result.exit_code, result.stdout) == (0, f"{ticket}: revoked, 1 of 1\n")
    shown = holdgate("tickets", "show", "--as", "alice", ticket)
    assert "ended     by carol (carol-1 of https://idp.example): too soon" in shown.stdout.split("\n")


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (("withdraw", "--as", "carol"), 1, "There is no vote of yours on this ticket."),
        (("cancel", "--as", "bob"), 1, "Only who asked for this can take it back; you can reject it."),
        (
            ("revoke", "--as", "bob", "--comment", "x"),
            1,
            "There is no grant to take back: this ticket is pending.",
        ),
        (("withdraw", "--as", "bob", "nonsense"), 3, "There is no such ticket."),
    ],
)
def test_what_is_refused_ends_as_a_vote_does(
    holdgate: Holdgate,
    api: ManagementThread,
    held: TicketDraft,
    arguments: tuple[str, ...],
    code: int,
    sentence: str,
) -> None:
    before = dict(api.store.tickets)
    result = holdgate("tickets", *arguments, *(() if "nonsense" in arguments else (held.id,)))
    assert (result.exit_code, result.stdout) == (code, "")
    assert result.stderr == f"holdgate: {sentence}\n"
    assert api.store.tickets == before


def test_an_outage_says_to_try_again(holdgate: Holdgate, api: ManagementThread, held: TicketDraft) -> None:
    api.store.down = True
    assert holdgate("tickets", "cancel", "--as", "alice", held.id).exit_code == 4
