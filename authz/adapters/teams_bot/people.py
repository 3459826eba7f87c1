"""Personal conversations of the bot, opened where there was none."""

from __future__ import annotations

from authz.adapters.teams_bot.wire import Wire
from authz.services.conversations import Conversation, ConversationKind, ConversationStore, personal_key


class People:
    """Reaches people of one tenant by their object ids."""

    def __init__(self, wire: Wire, conversations: ConversationStore, tenant: str) -> None:
        self._wire = wire
        self._conversations = conversations
        self._tenant = tenant

    async def reach(self, account: str, service_url: str) -> Conversation:
        """Return the conversation with somebody; a new one is opened at `service_url`, and remembered.

        Raises as the connector does, StoreUnavailable and RecordUnreadable.
        """
        known = await self._conversations.personal(self._tenant, account)
        if known is not None:
            return known
        opened = await self._wire.open_personal(service_url, self._tenant, account)
        key = personal_key(self._tenant, account)
        personal = Conversation(key, service_url, opened, self._tenant, ConversationKind.PERSONAL, account)
        await self._conversations.keep(personal)
        return personal

    async def forget(self, account: str) -> None:
        """Remember no conversation with somebody. Raises StoreUnavailable."""
        await self._conversations.forget(personal_key(self._tenant, account))
