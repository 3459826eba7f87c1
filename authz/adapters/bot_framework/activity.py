"""What the Bot Framework sends: one activity, read strictly from JSON.

https://learn.microsoft.com/azure/bot-service/rest-api/bot-framework-rest-connector-api-reference#activity-object,
and what Teams adds in `channelData` and `from.aadObjectId`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import orjson

from authz.adapters.bot_framework.refusal import ActivityMalformed

BODY_MAX: Final = 256 * 1024
"""Bytes of an activity. Teams' own messages are far below 100 KB."""

TEXT_MAX: Final = 64 * 1024
ID_MAX: Final = 1024
MEMBERS_MAX: Final = 1000
MENTIONS_MAX: Final = 100
_MS: Final = 1000


@dataclass(frozen=True, slots=True)
class Mention:
    """Somebody named in a message: their id, and the text that stands for them (`<at>Holdgate</at>`)."""

    id: str
    text: str


@dataclass(frozen=True, slots=True)
class Activity:
    """One activity. Texts that weren't sent are empty; `timestamp_ms` is epoch ms by the vendor's clock, 0 if unknown.

    `type` is `message`, `invoke`, `conversationUpdate`, `installationUpdate`…; `name` that of an invoke, `action` that
    of an installation (`add`, `remove`). `tenant` is `conversation.tenantId`. `conversation_type` is `channel`,
    `groupChat` or `personal`. `aad_object_id` is the sender's object id at Entra, which is who they are; `from_id` is
    only this bot's word for them, and `from_name` is for showing. `team_id` and `channel` are Teams' ids of where it
    happened, `mentions` who is named in `text`. Nothing of `value` is to be believed.
    """

    type: str
    name: str
    id: str
    timestamp_ms: int
    service_url: str
    channel_id: str
    tenant: str
    conversation_id: str
    conversation_type: str
    from_id: str
    aad_object_id: str
    from_name: str
    reply_to_id: str
    text: str
    recipient_id: str
    action: str
    locale: str
    value: Mapping[str, object] = field(default_factory=dict)
    members_added: tuple[str, ...] = ()
    members_removed: tuple[str, ...] = ()
    mentions: tuple[Mention, ...] = ()
    team_id: str = ""
    channel: str = ""


def read_document(body: bytes) -> Mapping[str, object]:
    """Return the JSON object of a request. Raises ActivityMalformed."""
    if len(body) > BODY_MAX:
        raise ActivityMalformed(f"the body is longer than {BODY_MAX} bytes")
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        document = None
    if not isinstance(document, dict):
        raise ActivityMalformed("the body is not a JSON object")
    return document


def activity_of(document: Mapping[str, object]) -> Activity:
    """Return the activity that a JSON object is. Raises ActivityMalformed."""
    conversation = _object(document, "conversation")
    sender = _object(document, "from")
    recipient = _object(document, "recipient")
    data = _object(document, "channelData")
    kind = _needed(document, "type")
    acts = kind in {"invoke", "message"}  # what somebody did, so that it is said who, and once
    value = document.get("value")
    return Activity(
        type=kind,
        name=_text(document, "name"),
        id=_needed(document, "id") if acts else _text(document, "id"),
        timestamp_ms=_timestamp(document),
        service_url=_text(document, "serviceUrl"),
        channel_id=_text(document, "channelId"),
        tenant=_text(conversation, "tenantId", "conversation."),
        conversation_id=_needed(conversation, "id", "conversation."),
        conversation_type=_text(conversation, "conversationType", "conversation."),
        from_id=_needed(sender, "id", "from.") if acts else _text(sender, "id", "from."),
        aad_object_id=_text(sender, "aadObjectId", "from."),
        from_name=_text(sender, "name", "from."),
        reply_to_id=_text(document, "replyToId"),
        text=_text(document, "text", longest=TEXT_MAX),
        recipient_id=_text(recipient, "id", "recipient."),
        action=_text(document, "action"),
        locale=_text(document, "locale"),
        value=value if isinstance(value, dict) else {},  # of any type where it isn't a button's
        members_added=_members(document, "membersAdded"),
        members_removed=_members(document, "membersRemoved"),
        mentions=_mentions(document),
        team_id=_text(_object(data, "team"), "id", "channelData.team."),
        channel=_text(_object(data, "channel"), "id", "channelData.channel."),
    )


def _object(document: Mapping[str, object], name: str) -> Mapping[str, object]:
    found = document.get(name)
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise ActivityMalformed(f"{name} is no object")
    return found


def _text(document: Mapping[str, object], name: str, where: str = "", longest: int = ID_MAX) -> str:
    found = document.get(name)
    if found is None:
        return ""
    if not isinstance(found, str) or len(found) > longest:
        raise ActivityMalformed(f"{where}{name} is no text of at most {longest} characters")
    return found


def _needed(document: Mapping[str, object], name: str, where: str = "") -> str:
    found = _text(document, name, where)
    if not found:
        raise ActivityMalformed(f"{where}{name} is missing")
    return found


def _timestamp(document: Mapping[str, object]) -> int:
    text = _text(document, "timestamp")
    if not text:
        return 0
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            raise ActivityMalformed("timestamp has no time zone")
        return max(0, int(moment.timestamp() * _MS))
    except (ValueError, OverflowError) as error:
        raise ActivityMalformed("timestamp is no date and time of ISO 8601") from error


def _list(document: Mapping[str, object], name: str, most: int) -> list[Mapping[str, object]]:
    found = document.get(name)
    if found is None:
        return []
    if not isinstance(found, list) or len(found) > most or not all(isinstance(each, dict) for each in found):
        raise ActivityMalformed(f"{name} is no list of at most {most} objects")
    return found


def _members(document: Mapping[str, object], name: str) -> tuple[str, ...]:
    return tuple(_needed(member, "id", f"{name}[].") for member in _list(document, name, MEMBERS_MAX))


def _mentions(document: Mapping[str, object]) -> tuple[Mention, ...]:
    entities = _list(document, "entities", MENTIONS_MAX)
    return tuple(
        Mention(_text(_object(entity, "mentioned"), "id", "mentioned."), _text(entity, "text", "entities[]."))
        for entity in entities
        if entity.get("type") == "mention"
    )
