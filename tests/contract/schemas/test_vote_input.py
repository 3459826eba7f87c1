"""The published schema of the vote path's input knows every key that Holdgate sends."""

from __future__ import annotations

import copy
import json

import pytest

from authz.adapters.opa.vote_rule import _actor
from authz.domain.identity import Actor, Identity, Person
from authz.entrypoints.cli.schema import schema_text
from authz.services.permissions import Action
from authz.services.vote_subject import ticket_subject
from tests.contract.schemas.judging import judge
from tests.contract.schemas.test_input import closed
from tests.support.sample_tickets import approved, ticket, vote

VOTE = closed(json.loads(schema_text("vote")))
BOB = Actor(
    Identity("https://issuer.example", "bob"),
    "Bob",
    Person("bob", "Bob", frozenset({"sre"}), "opa"),
    "oidc",
    0,
)
STRANGER = Actor(Identity("https://issuer.example", "mallory"), "", None, "oidc", 0)


@pytest.mark.parametrize("actor", [BOB, STRANGER], ids=["a person", "a stranger"])
@pytest.mark.parametrize("action", Action)
def test_every_question_is_described(action: Action, actor: Actor) -> None:
    for asked in (ticket(), approved(ticket(), vote())):
        document = {
            "action": action.value,
            "actor": _actor(actor),
            "ticket": ticket_subject(asked, asked.created_at),
        }
        assert [error.message for error in judge(VOTE).iter_errors(document)] == []


@pytest.mark.parametrize("key", ["rules", "votes", "risk"])
def test_a_key_that_the_schema_lacks_would_be_noticed(key: str) -> None:
    """Control: the comparison is closed."""
    lacking = copy.deepcopy(VOTE)
    del lacking["$defs"]["ticket"]["properties"][key]
    document = {
        "action": "view",
        "actor": _actor(BOB),
        "ticket": ticket_subject(ticket(), ticket().created_at),
    }
    assert not judge(lacking).is_valid(document)
