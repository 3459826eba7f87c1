"""What the bot needs of the Bot Framework's connector."""

from __future__ import annotations

from typing import Protocol

from authz.adapters.teams_bot.messages import Message


class Wire(Protocol):
    """Writes as the bot. Every call is bounded, and raises DeliveryDelayed, DeliveryRefused and CardGone."""

    async def post(self, service_url: str, conversation: str, activity: Message) -> str:
        """Post into a conversation, and return the activity's id."""
        ...

    async def update(self, service_url: str, conversation: str, activity_id: str, activity: Message) -> None:
        """Put another activity in the place of one."""
        ...

    async def reply(self, service_url: str, conversation: str, activity_id: str, activity: Message) -> str:
        """Post below an activity, and return the new one's id."""
        ...

    async def open_personal(self, service_url: str, tenant: str, user_id: str) -> str:
        """Return the conversation with one person, opened where there was none."""
        ...
