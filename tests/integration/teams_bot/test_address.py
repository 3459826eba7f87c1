"""`POST /api/messages`: who is let in, what is answered, and how much is read."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import httpx
import orjson
import pytest

from authz.adapters.bot_framework.activity import BODY_MAX
from authz.adapters.oidc.fetch import provider_client
from authz.entrypoints.chat import teams
from tests.integration.teams_bot.world import World, data_of
from tests.support.bot_framework_server import bot_framework
from tests.support.bot_framework_tokens import Forgery
from tests.support.sample_tickets import draft

PLACE = "/api/messages"
SOMEBODY = {"authorization": "Bearer somebody.says.so"}


@pytest.fixture
async def playground() -> AsyncIterator[World]:
    """A bot that takes messages without a proof, on this machine."""
    async with bot_framework() as vendor, provider_client(5.0) as client:
        settings = replace(vendor.settings(), allow_unauthenticated_loopback=True)
        made = World(vendor, client, settings=settings)
        yield made
        await made.settle()
        await made.http.aclose()


async def test_only_posts_are_taken(world: World) -> None:
    assert (await world.http.get(PLACE)).status_code == 405


async def test_a_body_that_is_too_large_is_not_read_further(world: World) -> None:
    answer = await world.http.post(PLACE, content=b"x" * (BODY_MAX + 1), headers=SOMEBODY)
    assert answer.status_code == 413


async def test_what_nobody_signed_is_refused_before_anything_else_is_asked(world: World) -> None:
    for headers in ({}, SOMEBODY):
        assert (await world.http.post(PLACE, content=b"{}", headers=headers)).status_code == 401
    assert not world.store.calls


async def test_without_any_proof_not_even_the_body_is_read(world: World) -> None:
    assert (await world.http.post(PLACE, content=b"")).status_code == 401
    assert (await world.http.post(PLACE, content=b"x" * (BODY_MAX + 1))).status_code == 401


@pytest.mark.parametrize("content", [b"", b"[]", b"\xff", b"not json"])
async def test_what_cannot_be_read_is_400(world: World, content: bytes) -> None:
    assert (await world.http.post(PLACE, content=content, headers=SOMEBODY)).status_code == 400


async def test_two_proofs_are_none(world: World) -> None:
    held, message = await world.posted()
    action = {"type": "Action.Execute", "verb": "approve", "data": data_of(held)}
    activity = world.teams.activity("invoke", world.room, world.vendor.member("bob"))
    activity |= {"name": "adaptiveCard/action", "value": {"action": action}, "replyToId": message.id}
    headers, body = world.teams.signed(activity)
    twice = [*headers.items(), ("authorization", headers["authorization"])]
    assert (await world.http.post(PLACE, content=body, headers=twice)).status_code == 401
    assert (await world.http.post(PLACE, content=body, headers=headers)).status_code == 200
    assert world.votes(held)


async def test_another_host_is_refused(world: World) -> None:
    answer = await world.http.post(PLACE, content=b"{}", headers={"host": "holdgate.evil"})
    assert answer.status_code == 421


async def test_an_invoke_of_another_kind_is_not_implemented_and_a_reaction_is_nothing(world: World) -> None:
    bob = world.vendor.member("bob")
    other = world.teams.activity("invoke", world.room, bob) | {"name": "composeExtension/query"}
    assert (await world.teams.deliver(other)).status_code == 501
    liked = world.teams.activity("messageReaction", world.room, bob)
    assert (await world.teams.deliver(liked)).status_code == 200


async def test_the_answer_never_waits_for_the_vendors_keys_longer_than_the_vendor_waits_for_us(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def hang(*_: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(world.messages._parts.inbound, "receive", hang)
    monkeypatch.setattr(teams, "PROVE_S", 0.1)
    assert (await world.http.post(PLACE, content=b"{}", headers=SOMEBODY)).status_code == 401


async def test_without_a_proof_only_the_playground_is_believed(playground: World) -> None:
    held = (await playground.store.create(draft(), b"")).ticket
    message = playground.room.add({}, by_bot=True)
    unsigned = Forgery(header=lambda _token: None)
    action = {"type": "Action.Execute", "verb": "approve", "data": data_of(held)}
    bob = playground.vendor.member("bob")
    answer = await playground.teams.invoke(message, bob, action, forgery=unsigned)
    assert answer.status_code == 200
    assert playground.votes(held) == [("bob", "approve")]


async def test_without_a_proof_nobody_else_is(world: World) -> None:
    """The same, where a bot is as it has to be."""
    held, message = await world.posted()
    unsigned = Forgery(header=lambda _token: None)
    answer = await world.teams.press(message, world.vendor.member("bob"), "approve", forgery=unsigned)
    assert answer.status_code == 401
    assert not world.votes(held)


@pytest.mark.parametrize(
    ("peer", "headers"),
    [
        ("192.0.2.1", {}),
        ("127.0.0.1", {"x-forwarded-for": "192.0.2.1"}),
        ("127.0.0.1", {"via": "1.1 proxy"}),
        ("127.0.0.1", {"origin": "https://page.example"}),
        ("127.0.0.1", {"sec-fetch-site": "cross-site"}),
        ("127.0.0.1", {"content-type": "text/plain"}),
        ("127.0.0.1", {"content-type": ""}),
    ],
)
async def test_the_playground_is_for_this_machine_alone(
    playground: World, peer: str, headers: dict[str, str]
) -> None:
    async with playground.client_at((peer, 50000)) as client:
        sent = {"content-type": "application/json", **headers}
        assert (await client.post(PLACE, content=b"{}", headers=sent)).status_code == 403


async def test_control_the_same_of_this_machine_alone_is_read(playground: World) -> None:
    sent = {"content-type": "Application/JSON; charset=utf-8"}
    assert (await playground.http.post(PLACE, content=b"[]", headers=sent)).status_code == 400


@pytest.mark.parametrize("guarded", [True, False])
async def test_a_page_in_a_browser_cannot_decide_in_the_playground(
    playground: World, guarded: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = (await playground.store.create(draft(), b"")).ticket
    action = {"type": "Action.Execute", "verb": "approve", "data": data_of(held)}
    activity = playground.teams.activity("invoke", playground.room, playground.vendor.member("bob"))
    activity |= {"name": "adaptiveCard/action", "value": {"action": action}}
    if not guarded:
        monkeypatch.setattr(teams, "_from_a_page", lambda _request: False)
    headers = {"origin": "https://page.example", "content-type": "text/plain"}
    answer = await playground.http.post(PLACE, content=orjson.dumps(activity), headers=headers)
    assert answer.status_code == (403 if guarded else 200)
    assert playground.votes(held) == ([] if guarded else [("bob", "approve")])


async def test_the_playground_believes_no_service_elsewhere(playground: World) -> None:
    def elsewhere(activity: dict[str, object]) -> None:
        activity["serviceUrl"] = "https://collector.example/"

    forged = Forgery(header=lambda _token: None, activity=elsewhere)
    answers = await playground.teams.install(playground.room, playground.vendor.member("bob"), forged)
    assert {answer.status_code for answer in answers} == {401}


async def test_too_much_at_once_is_turned_away(world: World) -> None:
    world.in_hand._most = 0
    answer = await world.teams.say(world.room, world.vendor.member("bob"), "help")
    assert answer.status_code == httpx.codes.TOO_MANY_REQUESTS
