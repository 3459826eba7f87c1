"""Routes as the settings describe them, made by bootstrap."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
import yaml
from structlog.testing import capture_logs

from authz.adapters.telemetry.metrics import Metrics
from authz.bootstrap import guarding
from authz.bootstrap.outside import deliveries_at_once, open_outside
from authz.bootstrap.telling import delivery, routes
from authz.domain.events import EventType
from authz.domain.identity import Person
from authz.services.ports import Alarm, DeliveryDelayed, Posting
from authz.services.routes import Routes
from authz.settings_loader import load_settings
from tests.support.sample_tickets import ticket


class Pager:
    """A channel of one's own that can't write to anybody in private."""

    def __init__(self, *, public_url: str, options: Mapping[str, str]) -> None:
        assert public_url
        assert not options

    @property
    def events(self) -> frozenset[EventType]:
        return frozenset({EventType.TICKET_APPROVED})

    async def send(self, posting: Posting) -> str:
        return posting.ticket.id

    async def alarm(self, alarm: Alarm) -> str:
        return alarm.review.id


class Messenger(Pager):
    """One that can."""

    async def tell(self, person: Person, posting: Posting) -> str:
        return f"{person.id} {posting.ticket.id}"


class Mute(Messenger):
    """One whose chat doesn't answer what is for one person."""

    asked = 0

    async def tell(self, person: Person, posting: Posting) -> str:
        Mute.asked += 1
        assert (person.id, posting.ticket) == ("alice", ticket())
        raise DeliveryDelayed("no answer")


async def made(described: Mapping[str, object]) -> tuple[Routes, list[str]]:
    """Return the routes that these make, and which of them the log complains about."""
    here = "tests.unit.delivery.test_wiring"
    channels = {
        name: {"kind": "python", "factory": f"{here}:{name}"} for name in ("Pager", "Messenger", "Mute")
    }
    given = {"HOLDGATE_CHANNELS": yaml.safe_dump(channels), "HOLDGATE_ROUTES": yaml.safe_dump(described)}
    settings = load_settings(given)
    with capture_logs() as logs:
        async with open_outside(settings) as outside:
            found = routes(settings, outside, Metrics())
    return found, [str(line["route"]) for line in logs if line["event"] == "route.requester_untold"]


async def test_a_channel_that_can_write_to_people_is_one_that_tells_requesters() -> None:
    """Whatever guards stand before its posts."""
    told = {"channels": ["Pager", "Messenger"], "tell_requester": True}
    found, complaints = await made({"default": ["Messenger"], "told": told})
    assert found.routes == {"default": ("Messenger",), "told": ("Pager", "Messenger")}
    assert found.tell_requester == {"told"}
    assert [*found.tellers] == ["Messenger", "Mute"]
    assert complaints == []


@pytest.mark.parametrize("guarded", [True, False])
async def test_telling_people_goes_through_the_breaker_of_the_channel(
    monkeypatch: pytest.MonkeyPatch, guarded: bool
) -> None:
    """Control: past it, a chat that doesn't answer is asked again and again, and each time costs a timeout."""
    if not guarded:
        monkeypatch.setattr(guarding, "GuardedTeller", lambda teller, _: teller)
    found, _ = await made({"default": ["Mute"]})
    Mute.asked = 0
    posting = Posting(EventType.TICKET_APPROVED, ticket(), 0)
    alice = Person("alice", "alice", frozenset(), "directory")
    tried: list[bool] = []
    for _ in range(8):
        with pytest.raises(DeliveryDelayed) as caught:
            await found.tellers["Mute"].tell(alice, posting)
        tried.append(caught.value.tried)
    assert tried == [True] * 5 + [not guarded] * 3
    assert Mute.asked == (5 if guarded else 8)
    if guarded:
        with pytest.raises(DeliveryDelayed, match="left alone"):
            await found.channels["Mute"].send(posting)
    else:
        assert await found.channels["Mute"].send(posting) == ticket().id


@pytest.mark.parametrize("channels", [[], ["Pager"]])
async def test_a_route_that_can_tell_no_requester_is_told_to_the_operator(channels: list[str]) -> None:
    found, complaints = await made(
        {"default": ["Messenger"], "told": {"channels": channels, "tell_requester": True}}
    )
    assert complaints == ["told"]
    assert found.tell_requester == {"told"}


@pytest.mark.parametrize(("channels", "at_once"), [(1, 32), (16, 32), (20, 40)])
def test_there_are_two_places_in_hand_for_each_channel(channels: int, at_once: int) -> None:
    described = {f"c{number}": {"kind": "python", "factory": "a:b"} for number in range(channels)}
    assert deliveries_at_once(load_settings({"HOLDGATE_CHANNELS": yaml.safe_dump(described)})) == at_once


async def test_what_is_delivered_at_once_is_a_setting() -> None:
    settings = load_settings({"HOLDGATE_DELIVERIES_AT_ONCE": "7"})
    async with open_outside(settings) as outside:
        assert delivery(settings, outside, Metrics()).limit == 7
