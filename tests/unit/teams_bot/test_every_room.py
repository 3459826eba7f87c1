"""Several rooms at the same time, some of which don't take it."""

from __future__ import annotations

import asyncio

import pytest

from authz.adapters.teams_bot.every_room import all_of, in_every
from authz.domain.errors import StoreUnavailable
from authz.services.card_ports import CardGone
from authz.services.ports import DeliveryDelayed, DeliveryRefused


async def test_a_room_that_is_slow_is_given_up_and_the_others_count() -> None:
    async def write(room: str) -> str:
        if room == "slow":
            await asyncio.Event().wait()
        return f"to {room}"

    outcome = await in_every(["slow", "ready"], write, 0.05)
    assert outcome.taken == {"ready": "to ready"}
    assert isinstance(outcome.failed["slow"], DeliveryDelayed)


async def test_what_is_no_failure_of_a_room_is_raised_when_all_have_ended() -> None:
    ended: list[str] = []

    async def write(room: str) -> str:
        if room == "broken":
            raise StoreUnavailable
        await asyncio.sleep(0)
        ended.append(room)
        return room

    with pytest.raises(StoreUnavailable):
        await in_every(["broken", "ready"], write)
    assert ended == ["ready"]


def test_one_room_that_may_take_it_later_makes_it_worth_another_try() -> None:
    gone, refused = CardGone("deleted"), DeliveryRefused("400")
    assert type(all_of({"a": gone})) is CardGone
    assert type(all_of({"a": gone, "b": refused})) is DeliveryRefused
    asked, waited = DeliveryDelayed("429", 7.0), DeliveryDelayed("paced", 9.0, tried=False)
    both = all_of({"a": refused, "b": asked, "c": waited})
    assert isinstance(both, DeliveryDelayed)
    assert (both.after_s, both.tried) == (9.0, True)
    only = all_of({"c": waited})
    assert isinstance(only, DeliveryDelayed)
    assert not only.tried
