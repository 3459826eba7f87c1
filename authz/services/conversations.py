"""Where a bot may write: the conversations that it was let into, as the chat told us of them.

A chat's service gives out addresses of conversations only when the bot is installed or spoken to, so they have to be
remembered: the part that hears of them is not the one that posts.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Protocol

ROOMS_MAX: Final = 2_000
"""Channels and group chats of one bot."""

PEOPLE_MAX: Final = 20_000
"""Personal chats of one bot. Without one here, a chat's adapter can ask the service for it again."""


class ConversationKind(StrEnum):
    """What sort of conversation it is."""

    CHANNEL = "channel"
    GROUP = "group"
    PERSONAL = "personal"


@dataclass(frozen=True, slots=True)
class Conversation:
    """One conversation: `service_url` and `conversation_id` say how to reach it, and only the adapter understands them.

    `key` is the chat's id of a channel or group, and `personal_key` of a personal one, whose `user` is that person's id
    in the tenant (empty for the others).
    """

    key: str
    service_url: str
    conversation_id: str
    tenant: str
    kind: ConversationKind
    user: str = ""


def personal_key(tenant: str, user: str) -> str:
    """Return the key of somebody's personal conversation with the bot."""
    return f"{tenant} {user}"


class ConversationStore(Protocol):
    """Remembers conversations of one bot for as long as it is in them. Raises StoreUnavailable."""

    async def keep(self, conversation: Conversation) -> bool:
        """Remember a conversation, or what is new about it. False when there are too many, and it isn't kept."""
        ...

    async def forget(self, key: str) -> None:
        """Remember this conversation no longer."""
        ...

    async def find(self, key: str) -> Conversation | None:
        """Return a conversation by its key. Raises RecordUnreadable."""
        ...

    async def personal(self, tenant: str, user: str) -> Conversation | None:
        """Return somebody's personal conversation with the bot. Raises RecordUnreadable."""
        ...
