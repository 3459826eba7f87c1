"""Where the bot was let in, and where it was thrown out."""

from __future__ import annotations

from typing import Final

import structlog

from authz.adapters.bot_framework.activity import Activity
from authz.adapters.teams_bot.place import room_of
from authz.entrypoints.chat.teams_sender import PERSONAL
from authz.services.conversations import Conversation, ConversationKind, ConversationStore, personal_key

log = structlog.get_logger("holdgate.teams")

CHANGED: Final = frozenset({"conversationUpdate", "installationUpdate"})
_REMOVED: Final = "remove"
_KINDS: Final = {"groupChat": ConversationKind.GROUP, PERSONAL: ConversationKind.PERSONAL}


class TeamsConversations:
    """Keeps the references that cards are posted by. Every call raises StoreUnavailable and RecordUnreadable."""

    def __init__(self, store: ConversationStore, tenant: str) -> None:
        self._store = store
        self._tenant = tenant

    async def note(self, activity: Activity) -> None:
        """Remember where this came from; forget it where it says that the bot is no longer there."""
        conversation = self._conversation(activity)
        if conversation is None:
            return
        if _thrown_out(activity):
            await self._store.forget(conversation.key)
            log.info("teams.conversation_forgotten", kind=conversation.kind.value)
        elif await self._store.find(conversation.key) != conversation:
            if await self._store.keep(conversation):
                log.info("teams.conversation_kept", kind=conversation.kind.value)
            else:
                log.error("teams.conversations_full", kind=conversation.kind.value)

    def _conversation(self, activity: Activity) -> Conversation | None:
        """Return the conversation as it is kept; None for a personal one of nobody at Entra."""
        kind = _KINDS.get(activity.conversation_type, ConversationKind.CHANNEL)
        user = activity.aad_object_id if kind is ConversationKind.PERSONAL else ""
        if kind is ConversationKind.PERSONAL and not user:
            return None
        room = room_of(activity.conversation_id)
        key = personal_key(self._tenant, user) if user else room
        return Conversation(key, activity.service_url, room, self._tenant, kind, user)


def _thrown_out(activity: Activity) -> bool:
    if activity.type == "installationUpdate":
        return activity.action == _REMOVED  # an upgrade has words of its own
    return activity.recipient_id in activity.members_removed
