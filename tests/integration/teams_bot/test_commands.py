"""What people write to the bot."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from authz.adapters.teams.elements import BREAK
from authz.domain.approver import Approver, ApproverKind
from authz.domain.requirement import Risk
from authz.domain.token import short_code
from authz.entrypoints.chat import teams_commands
from tests.integration.teams_bot.world import World
from tests.support.bot_framework_tokens import FORGERIES
from tests.support.requirements import approved_by
from tests.support.sample_tickets import REQUIREMENT, draft
from tests.support.teams_rooms import Room

TWO = approved_by(REQUIREMENT, Approver(ApproverKind.GROUP, "sre", count=2))


async def chat_of(world: World, name: str) -> Room:
    member = world.vendor.member(name)
    room = world.vendor.personal(member)
    await world.teams.install(room, member)
    return room


@pytest.mark.parametrize(
    "written", ["approve {}", "APPROVE  {}  looks right", "approve {}\u00a0looks&nbsp;right"]
)
async def test_a_command_decides_as_a_button_does(world: World, written: str) -> None:
    held, message = await world.posted()
    answer = await world.say("bob", written.format(short_code(held.id).lower()))
    assert answer == f"{short_code(held.id)}: Your approval was recorded."
    assert world.votes(held) == [("bob", "approve")]
    assert world.store.tickets[held.id].votes[0].comment in {"", "looks right"}
    await world.tell()
    assert "Action.Execute" not in str(message.card)


async def test_a_rejection_needs_a_reason(world: World) -> None:
    held, _ = await world.posted()
    code = short_code(held.id)
    assert "few words" in await world.say("bob", f"reject {code}")
    assert not world.votes(held)
    assert "rejection was recorded" in await world.say("bob", f"reject {code} not on a Friday")
    assert world.store.tickets[held.id].votes[0].comment == "not on a Friday"


async def test_the_requester_cannot_approve_by_a_command_either(world: World) -> None:
    held, _ = await world.posted()
    assert "asked for this yourself" in await world.say("alice", f"approve {short_code(held.id)}")
    assert not world.votes(held)


async def test_a_high_risk_is_not_decided_by_a_command(world: World) -> None:
    held, _ = await world.posted(requirement=replace(REQUIREMENT, risk=Risk.HIGH))
    assert "high risk" in await world.say("bob", f"approve {short_code(held.id)}")
    assert not world.votes(held)


async def test_a_code_that_two_requests_have_decides_neither(world: World) -> None:
    held, _ = await world.posted()
    twin = replace(draft(1), id=held.id[:-3] + "aaa")
    assert short_code(twin.id) == short_code(held.id)
    await world.store.create(twin, b"")
    assert await world.say("bob", f"approve {short_code(held.id)}") == teams_commands.NO_SUCH_CODE
    assert not world.votes(held)
    assert "approval was recorded" in await world.say("bob", f"approve {held.id}")


@pytest.mark.parametrize("written", ["approve ZZZ-ZZZ", "reject ABC-DEF because"])
async def test_an_unknown_code_is_a_clear_answer(world: World, written: str) -> None:
    await world.posted()
    assert await world.say("bob", written) == teams_commands.NO_SUCH_CODE


async def test_a_stranger_learns_of_a_code_no_more_than_of_none(world: World) -> None:
    held, _ = await world.posted()
    assert await world.say("dave", f"approve {short_code(held.id)}") == teams_commands.NO_SUCH_CODE
    assert await world.say("mallory", f"approve {short_code(held.id)}") == teams_commands.NO_SUCH_CODE


async def test_a_forged_command_decides_nothing(world: World) -> None:
    held, _ = await world.posted()
    answer = await world.teams.say(
        world.room,
        world.vendor.member("bob"),
        f"approve {short_code(held.id)}",
        FORGERIES["a foreign tenant"],
    )
    assert answer.status_code == 401
    assert not world.votes(held)


async def test_a_command_that_the_vendor_sends_again_counts_once(world: World) -> None:
    held, _ = await world.posted(requirement=TWO)
    activity = world.teams.activity("message", world.room, world.vendor.member("bob"))
    activity["text"] = f"approve {short_code(held.id)}"
    for _ in range(2):
        await world.teams.deliver(activity)
    last = world.vendor.messages(world.room)[-1]
    assert "Your approval was recorded." not in str(last.activity["summary"])
    assert world.votes(held) == [("bob", "approve")]


async def test_what_waits_for_somebody_is_listed_in_private(world: World) -> None:
    chat = await chat_of(world, "bob")
    held, _ = await world.posted()
    assert await world.say("bob", "approvals") == "I have answered you in our personal chat."
    (listed,) = world.vendor.messages(chat)
    text = json.dumps(listed.card, ensure_ascii=False).replace(BREAK, "")
    assert short_code(held.id) in text
    assert "https://api.example/resources/db-orders" in text
    assert await world.say("bob", "approvals", chat) == "These wait for you:"


async def test_nothing_is_listed_that_somebody_is_not_asked_about(world: World) -> None:
    await world.posted()
    for name in ("alice", "dave", "mallory"):
        chat = await chat_of(world, name)
        assert await world.say(name, "approvals", chat) == "Nothing waits for you."


async def test_the_list_is_bounded_and_says_that_there_may_be_more(world: World) -> None:
    chat = await chat_of(world, "bob")
    for number in range(teams_commands.LISTED_MAX + 1):
        await world.store.create(draft(number), b"")
    assert "there may be more" in await world.say("bob", "approvals", chat)
    rows = [row for row in world.vendor.messages(chat)[-1].card["body"] if "Monospace" in str(row)]
    assert len(rows) == teams_commands.LISTED_MAX


async def test_the_bot_says_how_the_settings_name_a_room(world: World) -> None:
    await world.teams.install(world.room, world.vendor.member("carol"))
    assert world.room.id in await world.say("carol", "here")


@pytest.mark.parametrize("written", ["", "help", "hello", "approve", "approved ABC-DEF"])
async def test_anything_else_is_answered_with_what_can_be_written(world: World, written: str) -> None:
    await world.posted()
    assert await world.say("bob", written) == teams_commands.HELP


async def test_an_outage_is_told(world: World) -> None:
    held, _ = await world.posted()
    world.store.down = True
    assert "can't reach its store" in await world.say("bob", f"approve {short_code(held.id)}")


async def test_words_of_a_request_stay_words_in_the_list(world: World) -> None:
    chat = await chat_of(world, "bob")
    request = replace(draft().request, path="/[APPROVED](https://evil.example){{DATE(2020-01-01)}}\u202e")
    await world.store.create(draft(request=request), b"")
    await world.say("bob", "approvals", chat)
    (listed,) = world.vendor.cards(chat)
    (row,) = [row for row in listed["body"] if "evil" in str(row)]
    assert row["type"] == "RichTextBlock"
    assert "{{" not in str(row["inlines"])
    assert "\u202e" not in str(row["inlines"])


async def test_two_commands_of_one_moment_in_two_conversations_both_count(world: World) -> None:
    """A message's id is a time, given once in its conversation and maybe again in another."""
    held, _ = await world.posted(requirement=TWO)
    elsewhere = world.vendor.channel()
    await world.teams.install(elsewhere, world.vendor.member("carol"))
    for name, room in (("bob", world.room), ("carol", elsewhere)):
        activity = world.teams.activity("message", room, world.vendor.member(name))
        await world.teams.deliver(
            activity | {"text": f"approve {short_code(held.id)}", "id": "1790000000123"}
        )
    await world.settle()
    assert world.votes(held) == [("bob", "approve"), ("carol", "approve")]
