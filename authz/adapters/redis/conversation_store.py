"""The services' ConversationStore, in the Redis of the tickets."""

from __future__ import annotations

from hashlib import sha256
from typing import Final

import orjson

from authz.adapters.redis.script import packaged
from authz.adapters.redis.store import RedisTicketStore
from authz.domain.errors import RecordUnreadable
from authz.services.conversations import (
    PEOPLE_MAX,
    ROOMS_MAX,
    Conversation,
    ConversationKind,
    personal_key,
)

PREFIX: Final = "{holdgate:chats}:"
ROOMS: Final = f"{PREFIX}rooms"
PEOPLE: Final = f"{PREFIX}people"

_VERSION = 1
_KEEP = packaged("conversation_keep", prelude=False)


class RedisConversationStore:
    """A ConversationStore of one bot, shared by all processes. What is kept has no end but its removal.

    Rooms and people have a hash each, with a bound of its own, so that however many people speak to the bot, no room is
    lost for it.
    """

    def __init__(
        self,
        tickets: RedisTicketStore,
        bot: str,
        *,
        rooms_max: int = ROOMS_MAX,
        people_max: int = PEOPLE_MAX,
    ) -> None:
        """Share the connections, and the look at the server, of the ticket store. `bot` is its app id.

        The bounds are those of all bots that share this Redis.
        """
        self._tickets = tickets
        self._bot = bot
        self._most = {ROOMS: rooms_max, PEOPLE: people_max}

    async def keep(self, conversation: Conversation) -> bool:
        """See ConversationStore."""
        await self._tickets.trust()
        place = PEOPLE if conversation.kind is ConversationKind.PERSONAL else ROOMS
        args = (self._field(conversation.key), _encode(conversation), self._most[place])
        return await self._tickets.link.run(_KEEP, [place], args) == 1

    async def forget(self, key: str) -> None:
        """See ConversationStore."""
        for place in (ROOMS, PEOPLE):
            await self._tickets.link.command("HDEL", place, self._field(key), key=place)

    async def find(self, key: str) -> Conversation | None:
        """See ConversationStore."""
        return await self._found(ROOMS, key) or await self._found(PEOPLE, key)

    async def personal(self, tenant: str, user: str) -> Conversation | None:
        """See ConversationStore."""
        return await self._found(PEOPLE, personal_key(tenant, user))

    async def _found(self, place: str, key: str) -> Conversation | None:
        found = await self._tickets.link.command("HGET", place, self._field(key), key=place)
        return _decode(found) if isinstance(found, bytes) else None

    def _field(self, key: str) -> str:
        """Name a conversation in a hash: a chat's ids may be of any length."""
        return sha256(f"{self._bot}\0{key}".encode("utf-8", "surrogatepass")).hexdigest()


def _encode(conversation: Conversation) -> bytes:
    return orjson.dumps(
        {
            "v": _VERSION,
            "key": conversation.key,
            "service_url": conversation.service_url,
            "id": conversation.conversation_id,
            "tenant": conversation.tenant,
            "kind": conversation.kind.value,
            "user": conversation.user,
        }
    )


def _decode(value: bytes) -> Conversation:
    try:
        found = orjson.loads(value)
        if found["v"] != _VERSION:
            raise RecordUnreadable(
                f"a conversation of version {found['v']!r:.20}; this release reads {_VERSION}"
            )
        texts = [found[name] for name in ("key", "service_url", "id", "tenant", "user")]
        if not all(isinstance(text, str) for text in texts):
            raise RecordUnreadable("a conversation can't be read")
        key, service_url, identifier, tenant, user = texts
        return Conversation(key, service_url, identifier, tenant, ConversationKind(found["kind"]), user)
    except (ValueError, KeyError, TypeError) as error:
        raise RecordUnreadable("a conversation can't be read") from error
