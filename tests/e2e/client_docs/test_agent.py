"""The tool for a model, as docs/client.md shows it: what the model reads, and that it needs no ticket."""

from __future__ import annotations

import json
import sys

import pytest

from authz.domain.errors import VoteRefused
from authz.domain.problems import Problem
from authz.domain.ticket import Choice
from tests.e2e.client_docs.clients import ANSWER, Clients, Ended
from tests.e2e.client_docs.page import PAGE

pytestmark = pytest.mark.timeout(180)  # the first test starts the gates

CALL = "import agent, sys; print(agent.delete_resource(sys.argv[1]))"


def called(clients: Clients, resource: str, who: str = "alice") -> Ended:
    """Call the tool once, with a wait that is short enough for a test."""
    clients.edits["wait=50"] = "wait=1"
    (clients.folder / "agent.py").write_text(clients.shown("python agent", resource))
    return clients.start(sys.executable, "-c", CALL, resource, who=who).ended()


def test_the_model_reads_that_nothing_was_done_and_the_same_call_goes_through_once_approved(
    clients: Clients,
) -> None:
    resource = clients.held(reason="deletes a production resource")
    waiting = called(clients, resource)
    identifier = clients.ticket()
    assert waiting.output.startswith("NOT DONE YET: waiting for an approval (deletes a production resource).")
    assert f"/tickets/{identifier}" in waiting.output
    assert clients.token(identifier) not in waiting.output + waiting.errors
    assert clients.hits(resource) == 0
    clients.gate.vote(identifier)
    assert called(clients, resource).output == f"Done: {ANSWER}\n"
    assert clients.hits(resource) == 1


def test_the_model_reads_who_refused(clients: Clients) -> None:
    resource = clients.held()
    called(clients, resource)
    clients.gate.vote(clients.ticket(), choice=Choice.REJECT)
    refused = called(clients, resource).output
    assert refused.startswith("NOT DONE: 403 ")
    document = json.loads(refused.removeprefix("NOT DONE: 403 "))
    assert (document["rejected_by"], document["title"]) == ("Bob", "Rejected")


def test_where_the_gate_keeps_nobody_waiting_the_rule_has_to_let_equal_requests_through(
    hurried: Clients,
) -> None:
    for redeem, begins in (("repeat", "Done"), ("header", "NOT DONE YET")):
        resource = hurried.held(redeem=redeem)
        called(hurried, resource)
        hurried.gate.vote(hurried.ticket())
        assert called(hurried, resource).output.startswith(begins)


def test_an_agent_with_a_persons_token_is_not_approved_by_that_person(clients: Clients) -> None:
    """The requester never approves, whatever group they are in: here Bob's token asks, and Bob is the approver."""
    resource = clients.held()
    assert called(clients, resource, who="bob").output.startswith("NOT DONE YET")
    identifier = clients.ticket()
    with pytest.raises(VoteRefused):
        clients.gate.vote(identifier, "bob")
    clients.gate.vote(identifier, "carol")


def test_the_page_quotes_what_a_hold_says() -> None:
    assert f"> {Problem.HELD.value.detail}\n" in PAGE.read_text(encoding="utf-8")
