"""`/approvals` in Slack goes the way of a button."""

from __future__ import annotations

import pytest

from authz.domain.ticket import State
from authz.domain.token import short_code
from tests.integration.slack.world import HIGH, TWO, World, said
from tests.support.sample_tickets import draft
from tests.support.slack_people import command
from tests.support.slack_state import FOREIGN_TEAM


async def test_commands_list_approve_and_reject(room: World) -> None:
    await room.hold(draft(requirement=TWO))
    code = short_code(room.held.id)
    await room.post(command(room.slack, "U0BOB", ""))
    listed = room.slack.responses[-1]
    assert (listed["response_type"], listed["text"]) == ("ephemeral", "1 waiting for you")
    assert "db-orders" in said(listed["blocks"])
    assert f"*{code}*" in said(listed["blocks"])
    await room.post(command(room.slack, "U0DAVE", "list"))
    assert room.slack.responses[-1]["text"] == "Nothing waits for you."
    await room.post(command(room.slack, "U0BOB", f"approve {code} looks  fine"))
    assert "Your approval was recorded." in said(room.slack.responses[-1]["blocks"])
    assert room.store.tickets[room.held.id].votes[0].comment == "looks  fine"
    await room.post(command(room.slack, "U0CAROL", f"reject {code.lower().replace('-', '')}"))
    assert "/approvals reject CODE REASON" in said(room.slack.responses[-1]["blocks"])
    assert room.state() is State.PENDING
    # bolt reads a form with this word in it as another kind of message.
    await room.post(command(room.slack, "U0CAROL", f"reject {code} the payload=wrong"))
    assert (room.state(), room.store.tickets[room.held.id].votes[-1].comment) == (
        State.REJECTED,
        "the payload=wrong",
    )
    await room.post(command(room.slack, "U0BOB", f"approve {code}"))
    assert "No ticket that you may see waits under this code." in said(room.slack.responses[-1]["blocks"])


async def test_a_command_goes_the_way_of_a_button(room: World) -> None:
    await room.hold(draft(requirement=HIGH))
    code = short_code(room.held.id)
    await room.post(command(room.slack, "U0BOB", f"approve {code}"))
    assert "decided on the page alone" in said(room.slack.responses[-1]["blocks"])
    await room.post(command(room.slack, "U0ALICE", f"approve {code}"))
    assert room.state() is State.PENDING
    await room.post(command(room.slack, "U0BOB", f"approve {code}", team=FOREIGN_TEAM))
    assert "members of the workspace" in said(room.slack.responses[-1]["blocks"])
    assert room.state() is State.PENDING


async def test_a_command_that_comes_again_counts_once(room: World) -> None:
    await room.hold(draft(requirement=TWO))
    typed = command(room.slack, "U0BOB", f"approve {short_code(room.held.id)}")
    await room.post(typed)
    await room.withdraw("U0BOB")
    told = len(room.slack.responses)
    await room.post(typed)
    assert (room.voters, len(room.slack.responses)) == ([], told)


@pytest.mark.parametrize("text", ["help", "approve", "approve nothing", "delete x y", "reject x y"])
async def test_whatever_else_is_typed_is_answered(room: World, text: str) -> None:
    await room.hold()
    await room.post(command(room.slack, "U0BOB", text))
    assert said(room.slack.responses[-1]["blocks"])
    assert room.state() is State.PENDING


async def test_an_answer_goes_to_no_address_that_is_not_slacks(room: World) -> None:
    await room.hold()
    typed = command(room.slack, "U0BOB", "help")
    elsewhere = room.slack.url.replace("127.0.0.1", "localhost")
    assert elsewhere != room.slack.url
    await room.post({**typed, "response_url": typed["response_url"].replace(room.slack.url, elsewhere)})
    assert room.slack.responses == []
    await room.post(typed)
    assert len(room.slack.responses) == 1
