from __future__ import annotations

import sys

import pytest
from google.protobuf.json_format import Parse

from authz.domain.ticket import State, TicketDraft
from authz.entrypoints.cli.tickets import ticket_text
from authz.entrypoints.cli.tickets.client import ApprovalsClient
from authz.wire.holdgate.v1 import approvals_pb2 as wire
from tests.unit.cli.conftest import Holdgate
from tests.unit.cli.management_thread import ManagementThread


class Terminal:
    """Makes click's input look like somebody at a terminal."""

    @staticmethod
    def isatty() -> bool:
        return True


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("authz.entrypoints.cli.tickets.assent.sys", type("Sys", (), {"stdin": Terminal}))


def _state(api: ManagementThread, held: TicketDraft) -> State:
    return api.store.tickets[held.id].state


@pytest.mark.usefixtures("terminal")
def test_in_a_terminal_one_is_shown_the_ticket_and_asked(
    holdgate: Holdgate, api: ManagementThread, held: TicketDraft
) -> None:
    result = holdgate("tickets", "approve", "--as", "bob", held.id, text="y\n")
    assert result.exit_code == 0
    for part in (
        "DELETE https://api.example/",
        "alice",
        "delete-production",
        held.fingerprint.payload_digest,
    ):
        assert part in result.stderr
    assert "Approve this? [y/N]:" in result.stderr
    assert result.stdout.endswith(f"{held.id}: approved, 1 of 1\n")
    assert _state(api, held) is State.APPROVED
    [vote] = api.store.tickets[held.id].votes
    assert vote.shown_digest == held.fingerprint.payload_digest


@pytest.mark.usefixtures("terminal")
@pytest.mark.parametrize("answer", ["n\n", "\n"])
def test_anything_but_yes_decides_nothing(
    holdgate: Holdgate, api: ManagementThread, held: TicketDraft, answer: str
) -> None:
    result = holdgate("tickets", "approve", "--as", "bob", held.id, text=answer)
    assert result.exit_code == 1
    assert result.stderr.endswith("holdgate: nothing was decided\n")
    assert "vote" not in api.store.calls


def test_without_a_terminal_a_yes_on_stdin_is_none(
    holdgate: Holdgate, api: ManagementThread, held: TicketDraft
) -> None:
    assert not sys.stdin.isatty()
    result = holdgate("tickets", "approve", "--as", "bob", held.id, text="y\n")
    assert result.exit_code == 2
    assert "--digest" in result.stderr
    assert "vote" not in api.store.calls


@pytest.mark.parametrize("length", [12, 40, 64])
def test_a_script_names_the_digest_that_was_looked_at(
    holdgate: Holdgate, api: ManagementThread, held: TicketDraft, length: int
) -> None:
    digest = held.fingerprint.payload_digest[:length].upper()
    result = holdgate("tickets", "approve", "--as", "bob", "--digest", digest, "--json", held.id)
    assert result.exit_code == 0
    assert Parse(result.stdout, wire.Ticket()).state == wire.STATE_APPROVED
    assert _state(api, held) is State.APPROVED


def test_another_digest_decides_nothing_even_with_yes(
    holdgate: Holdgate, api: ManagementThread, held: TicketDraft
) -> None:
    result = holdgate("tickets", "approve", "--as", "bob", "--digest", "0" * 12, "--yes", held.id)
    assert result.exit_code == 1
    assert "does not begin with 000000000000" in result.stderr
    assert "vote" not in api.store.calls


def test_yes_takes_the_ticket_as_it_is_and_shows_it(
    holdgate: Holdgate, api: ManagementThread, held: TicketDraft
) -> None:
    result = holdgate("tickets", "reject", "--as", "bob", "--yes", "--comment", "not today", held.id)
    assert result.exit_code == 0
    assert held.fingerprint.payload_digest in result.stderr
    assert result.stdout == f"{held.id}: rejected, 0 of 1\n"
    [vote] = api.store.tickets[held.id].votes
    assert vote.comment == "not today"


def test_what_was_shown_is_what_is_voted_on(
    holdgate: Holdgate, api: ManagementThread, held: TicketDraft, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that shows one ticket and holds another gets a vote on the one it showed, which doesn't count."""
    get = ApprovalsClient.get

    def showing_another(self: ApprovalsClient, ticket_id: str) -> wire.Ticket:
        ticket = get(self, ticket_id)
        ticket.digest = "1" * 64
        return ticket

    monkeypatch.setattr(ApprovalsClient, "get", showing_another)
    result = holdgate("tickets", "approve", "--as", "bob", "--yes", held.id)
    assert result.exit_code == 1
    assert result.stderr.splitlines()[-1].startswith(
        "holdgate: What you were shown is not what this ticket holds."
    )
    assert _state(api, held) is State.PENDING


def test_a_client_that_sent_the_digest_it_was_not_showing_would_be_counted(
    holdgate: Holdgate, api: ManagementThread, held: TicketDraft, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Control: it is the digest sent, not the text shown, by which the server can tell."""
    monkeypatch.setattr(ticket_text, "details", lambda _: "something else entirely")
    assert holdgate("tickets", "approve", "--as", "bob", "--yes", held.id).exit_code == 0
    assert _state(api, held) is State.APPROVED


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("alice", "You asked for this yourself, so somebody else has to decide."),
        ("dave", "The operator's rule doesn't let you look at this."),
    ],
)
def test_who_may_not_vote_is_told_why_and_ends_with_1(
    holdgate: Holdgate, api: ManagementThread, held: TicketDraft, name: str, sentence: str
) -> None:
    result = holdgate("tickets", "approve", "--as", name, "--yes", held.id)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.splitlines()[-1] == f"holdgate: {sentence}"
    assert _state(api, held) is State.PENDING
