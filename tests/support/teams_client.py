"""What a Teams client makes the vendor send to a bot, signed, and with whatever a forger would change."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import httpx
import orjson
from joserfc.jwk import RSAKey

from tests.support.bot_framework_tokens import HONEST, Forgery, token_for
from tests.support.teams_rooms import Document, Member, Message, Room, actions_of, inputs_of

BOT = "Holdgate"


class TeamsClient:
    """People in one tenant, with one bot. `endpoint` is the bot's messaging endpoint (`…/api/messages`)."""

    def __init__(
        self,
        app_id: str,
        tenant: str,
        service_url: str,
        endpoint: str,
        http: httpx.AsyncClient,
        key: Callable[[], RSAKey],
        clock: Callable[[], float],
    ) -> None:
        self.app_id = app_id
        self.tenant = tenant
        self.service_url = service_url
        self.endpoint = endpoint
        self._http = http
        self._key = key
        self._clock = clock
        self.shown: dict[tuple[str, str], Document] = {}
        """The card that an invoke's answer put into one client's view, by person's name and message id."""

    async def install(self, room: Room, by: Member, forgery: Forgery = HONEST) -> list[httpx.Response]:
        """Add the bot to a team (by one of its channels), a group chat or a personal chat."""
        room.bot_in = True
        return await self._membership(room, by, "add", "membersAdded", forgery)

    async def uninstall(self, room: Room, by: Member, forgery: Forgery = HONEST) -> list[httpx.Response]:
        """Take the bot out again: the vendor tells it when it is out already."""
        room.bot_in = False
        return await self._membership(room, by, "remove", "membersRemoved", forgery)

    async def say(self, room: Room, by: Member, text: str, forgery: Forgery = HONEST) -> httpx.Response:
        """Write to the bot; in a room with others by naming it, as Teams demands."""
        activity = self.activity("message", room, by)
        entities: list[Document] = []
        if room.kind != "personal":
            at = f"<at>{BOT}</at>"
            mentioned = {"id": f"28:{self.app_id}", "name": BOT}
            entities = [{"type": "mention", "text": at, "mentioned": mentioned}]
            text = f"{at} {text}"
        activity |= {"text": text, "textFormat": "plain", "entities": entities}
        message = room.add(activity, by_bot=False)
        activity["id"] = message.id
        if room.kind == "channel":
            activity["conversation"]["id"] = f"{room.id};messageid={message.root}"
        return await self.deliver(activity, forgery)

    async def press(
        self,
        message: Message,
        by: Member,
        verb: str,
        *,
        inputs: Mapping[str, str] | None = None,
        forgery: Forgery = HONEST,
    ) -> httpx.Response:
        """Press the button of this verb. Raises AssertionError where the client shows none, or wouldn't send it."""
        shown = self.shown.get((by.name, message.id), message.card)
        actions = [one for one in actions_of(shown) if one.get("verb") == verb]
        assert actions, f"no button {verb!r} on the card"
        typed = dict(inputs or {})
        if typed:
            fields = {one["id"]: one for one in inputs_of(shown)}
            assert set(typed) <= set(fields), f"the card has the fields {sorted(fields)}"
            for name, value in typed.items():
                assert not fields[name].get("isRequired") or value, f"{name} is required"
                assert len(value) <= fields[name].get("maxLength", len(value)), f"{name} is too long"
        data = {**actions[0].get("data", {}), **typed}
        return await self.invoke(message, by, {**_sent(actions[0]), "data": data}, forgery=forgery)

    async def refresh(self, message: Message, by: Member, forgery: Forgery = HONEST) -> httpx.Response:
        """Do what a client does by itself when the card comes into view (`refresh.action`)."""
        action = message.card["refresh"]["action"]
        return await self.invoke(
            message, by, {**_sent(action), "data": action.get("data", {})}, "automatic", forgery=forgery
        )

    async def invoke(
        self,
        message: Message,
        by: Member,
        action: Document,
        trigger: str = "manual",
        *,
        forgery: Forgery = HONEST,
    ) -> httpx.Response:
        """Send an `adaptiveCard/action` of any content, as a forger of card data would."""
        activity = self.activity("invoke", message.room, by)
        if message.room.kind == "channel":
            activity["conversation"]["id"] = f"{message.room.id};messageid={message.root}"
        activity |= {
            "name": "adaptiveCard/action",
            "replyToId": message.id,
            "value": {"action": action, "trigger": trigger},
        }
        answer = await self.deliver(activity, forgery)
        said = orjson.loads(answer.content) if answer.status_code == httpx.codes.OK and answer.content else {}
        if said.get("type") == "application/vnd.microsoft.card.adaptive":
            self.shown[by.name, message.id] = said["value"]
        return answer

    async def deliver(self, activity: Mapping[str, object], forgery: Forgery = HONEST) -> httpx.Response:
        """Send an activity as the vendor does, or as a forger would."""
        headers, body = self.signed(activity, forgery)
        return await self._http.post(self.endpoint, content=body, headers=headers)

    def signed(
        self, activity: Mapping[str, object], forgery: Forgery = HONEST
    ) -> tuple[dict[str, str], bytes]:
        """Return the headers and the body of what `deliver` sends."""
        sent: Document = orjson.loads(orjson.dumps(activity))
        token = token_for(sent, self.app_id, int(self._clock()), self._key(), forgery)
        if forgery.activity:
            forgery.activity(sent)
        authorization = forgery.header(token) if forgery.header else f"Bearer {token}"
        headers = {"content-type": "application/json; charset=utf-8"}
        if authorization is not None:
            headers["authorization"] = authorization
        return headers, orjson.dumps(sent)

    def activity(self, kind: str, room: Room, by: Member) -> Document:
        """Return what every activity of a room has."""
        at = datetime.fromtimestamp(self._clock(), UTC).isoformat().replace("+00:00", "Z")
        conversation: Document = {"conversationType": room.kind, "tenantId": self.tenant, "id": room.id}
        if room.kind != "personal":
            conversation["isGroup"] = True
        data: Document = {"tenant": {"id": self.tenant}}
        if room.kind == "channel":
            data |= {"team": {"id": room.team}, "channel": {"id": room.id}}
        return {
            "type": kind,
            "id": f"f:{uuid4()}",
            "timestamp": at,
            "channelId": "msteams",
            "serviceUrl": self.service_url,
            "from": {"id": by.id, "name": by.name, "aadObjectId": by.aad},
            "conversation": conversation,
            "recipient": {"id": f"28:{self.app_id}", "name": BOT},
            "channelData": data,
            "locale": "en-US",
        }

    async def _membership(
        self, room: Room, by: Member, action: str, members: str, forgery: Forgery
    ) -> list[httpx.Response]:
        bot = {"id": f"28:{self.app_id}"}
        update = self.activity("conversationUpdate", room, by) | {members: [bot]}
        installation = self.activity("installationUpdate", room, by) | {"action": action}
        for activity in (update, installation):
            if room.kind == "channel":
                # A team is told of as its first channel; the one that was picked is named beside.
                activity["conversation"]["id"] = room.team
                del activity["channelData"]["channel"]
                activity["channelData"]["settings"] = {"selectedChannel": {"id": room.id}}
        return [await self.deliver(activity, forgery) for activity in (update, installation)]


def _sent(action: Mapping[str, Any]) -> Document:
    """Return what a client sends of an action, without its data."""
    return {name: action[name] for name in ("type", "title", "verb", "id") if name in action}
