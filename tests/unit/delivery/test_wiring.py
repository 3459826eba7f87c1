"""Routes as the settings describe them, made by bootstrap."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
import yaml
from structlog.testing import capture_logs

from authz.adapters.telemetry.metrics import Metrics
from authz.bootstrap.outside import open_outside
from authz.bootstrap.telling import routes
from authz.domain.events import EventType
from authz.domain.identity import Person
from authz.services.ports import Alarm, Posting
from authz.services.routes import Routes
from authz.settings_loader import load_settings


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


async def made(described: Mapping[str, object]) -> tuple[Routes, list[str]]:
    """Return the routes that these make, and which of them the log complains about."""
    here = "tests.unit.delivery.test_wiring"
    channels = {name: {"kind": "python", "factory": f"{here}:{name}"} for name in ("Pager", "Messenger")}
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
    assert [*found.tellers] == ["Messenger"]
    assert complaints == []


@pytest.mark.parametrize("channels", [[], ["Pager"]])
async def test_a_route_that_can_tell_no_requester_is_told_to_the_operator(channels: list[str]) -> None:
    found, complaints = await made(
        {"default": ["Messenger"], "told": {"channels": channels, "tell_requester": True}}
    )
    assert complaints == ["told"]
    assert found.tell_requester == {"told"}
