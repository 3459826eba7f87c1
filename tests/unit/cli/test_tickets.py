from __future__ import annotations

import json

import pytest
from google.protobuf.json_format import Parse

from authz.domain.ticket import State, TicketDraft
from authz.wire.holdgate.v1 import approvals_pb2 as wire
from tests.support.ports import free_port
from tests.support.sample_tickets import BODY, draft, vote
from tests.unit.cli.conftest import Holdgate
from tests.unit.cli.management_thread import ManagementThread


def test_a_list_has_a_line_for_each_ticket_newest_first(holdgate: Holdgate, api: ManagementThread) -> None:
    made = [api.run(api.store.create(draft(number))).ticket.id for number in range(3)]
    result = holdgate("tickets", "list", "--as", "bob")
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert lines[0].split() == ["ID", "STATE", "VOTES", "EXPIRES", "RULE", "ASKED", "BY", "REQUEST"]
    assert [line.split()[0] for line in lines[1:]] == made[::-1]


def test_only_pending_ones_unless_other_states_are_named(
    holdgate: Holdgate, api: ManagementThread, held: TicketDraft
) -> None:
    api.run(api.store.vote(held.id, 1, [vote()], State.APPROVED, {}))
    none = holdgate("tickets", "list", "--as", "bob")
    assert (none.exit_code, none.stdout, none.stderr) == (0, "", "No such tickets.\n")
    for states in (
        ["--state", "approved"],
        ["--state", "all"],
        ["--state", "pending", "--state", "approved"],
    ):
        assert held.id in holdgate("tickets", "list", "--as", "bob", *states).stdout


def test_a_list_as_json_is_one_message_however_many_pages_it_took(
    holdgate: Holdgate, api: ManagementThread
) -> None:
    for number in range(230):
        api.run(api.store.create(draft(number)))
    result = holdgate("tickets", "list", "--as", "bob", "--json", "--limit", "220")
    message = Parse(result.stdout, wire.ListResponse())
    assert len({ticket.id for ticket in message.tickets}) == 220


def test_a_ticket_is_shown_whole(holdgate: Holdgate, held: TicketDraft) -> None:
    result = holdgate("tickets", "show", "--as", "bob", held.id)
    assert result.exit_code == 0
    assert "DELETE https://api.example/resources/db-orders?force=true" in result.stdout
    assert held.fingerprint.payload_digest in result.stdout
    message = Parse(holdgate("tickets", "show", "--as", "bob", "--json", held.id).stdout, wire.Ticket())
    assert message.request.body == BODY


def test_json_of_a_ticket_leaves_no_field_out(holdgate: Holdgate, held: TicketDraft) -> None:
    shown = json.loads(holdgate("tickets", "show", "--as", "bob", "--json", held.id).stdout)
    assert shown["state"] == "STATE_PENDING"
    assert shown["progress"] == {"given": 0, "needed": 1, "awaiting": ["sre"]}
    assert shown["votes"] == []


@pytest.mark.parametrize("command", [["show"], ["approve", "--yes"], ["reject", "--yes", "--comment", "no"]])
def test_no_such_ticket_ends_with_3(holdgate: Holdgate, command: list[str]) -> None:
    result = holdgate("tickets", *command, "--as", "bob", draft(9).id)
    assert (result.exit_code, result.stdout, result.stderr) == (3, "", "holdgate: There is no such ticket.\n")


@pytest.mark.parametrize(
    "command", [["list"], ["show", draft().id], ["watch"], ["approve", "--yes", draft().id]]
)
def test_a_stranger_is_refused_with_1(holdgate: Holdgate, held: TicketDraft, command: list[str]) -> None:  # noqa: ARG001 - it is there
    result = holdgate("tickets", *command, "--as", "mallory")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.splitlines()[-1].startswith("holdgate: The directory doesn't know you")


@pytest.mark.parametrize(
    "command", [["list"], ["show", draft().id], ["watch"], ["approve", "--yes", draft().id]]
)
def test_nothing_there_is_a_sentence_and_4(holdgate: Holdgate, command: list[str]) -> None:
    address = f"127.0.0.1:{free_port()}"
    result = holdgate("tickets", *command, "--as", "bob", "--address", address)
    assert (result.exit_code, result.stdout) == (4, "")
    assert result.stderr.startswith(f"holdgate: nothing answers at {address}; does Holdgate run")
    assert len(result.stderr.splitlines()) == 1


def test_the_address_comes_from_the_environment_too(
    holdgate: Holdgate, api: ManagementThread, held: TicketDraft, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOLDGATE_MANAGEMENT_ADDRESS", api.address)
    assert held.id in holdgate("tickets", "list", "--as", "bob").stdout
    monkeypatch.setenv("HOLDGATE_MANAGEMENT_ADDRESS", f"127.0.0.1:{free_port()}")
    assert holdgate("tickets", "list", "--as", "bob").exit_code == 4


@pytest.mark.parametrize("address", ["approvals.example:443", "10.0.0.1:9292", "dns:///approvals.example"])
def test_a_token_is_never_sent_to_another_machine(
    holdgate: Holdgate, api: ManagementThread, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    minted: list[str] = []
    monkeypatch.setattr(type(api.tokens), "token", lambda self, name: minted.append(name))  # noqa: ARG005 - as it is
    result = holdgate("tickets", "list", "--as", "bob", "--address", address)
    assert (result.exit_code, minted) == (2, [])
    assert result.stderr.startswith("holdgate: --address: ")


def test_an_outage_behind_the_api_ends_with_4(holdgate: Holdgate, api: ManagementThread) -> None:
    api.store.down = True
    result = holdgate("tickets", "list", "--as", "bob")
    assert (result.exit_code, result.stderr) == (
        4,
        "holdgate: redis did not answer in time. Trying the same again is safe.\n",
    )
