"""Writing into conversations: the Bot Connector's REST calls.

https://learn.microsoft.com/azure/bot-service/rest-api/bot-framework-rest-connector-api-reference#conversation-operations
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping
from typing import Final
from urllib.parse import quote

import httpx
import orjson

from authz.adapters.bot_framework.app_token import AppToken
from authz.adapters.bot_framework.exchange import (
    AGAIN,
    Answer,
    ConversationGone,
    exchange,
    failure_of,
)
from authz.adapters.bot_framework.pace import Pace
from authz.adapters.bot_framework.service_url import loopback_url, trusted_url
from authz.adapters.bot_framework.settings import BotSettings
from authz.services.card_ports import CardGone
from authz.services.ports import DeliveryDelayed, DeliveryRefused

TRIES: Final = 3
PATIENCE_S: Final = 8.0
"""How long a call waits for its turn, or between two tries. Longer than that it had better wait in the outbox."""

CALL_S: Final = 20.0
"""What a whole call takes at most: less than the lease of a notice."""

_BACKOFF_S: Final = 0.5


class Connector:
    """Speaks as the bot. Use it from one event loop.

    Every call is paced by conversation, tried at most TRIES times and takes at most CALL_S; it raises DeliveryDelayed,
    DeliveryRefused, and what it names itself.
    """

    def __init__(
        self,
        settings: BotSettings,
        client: httpx.AsyncClient,
        *,
        monotonic: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """Ask nothing yet. `monotonic` gives seconds that never go back, and goes on while `sleep` sleeps.

        Raises ValueError for a login_url that isn't protected.
        """
        self._settings = settings
        self._client = client
        self._monotonic = monotonic
        self._sleep = sleep
        self._token = AppToken(settings, client, monotonic)
        self._pace = Pace(monotonic)
        self._chance = random.SystemRandom()

    async def post(self, service_url: str, conversation: str, activity: Mapping[str, object]) -> str:
        """Write into a conversation, and return the activity's id. Raises ConversationGone."""
        path = f"{_quoted(conversation)}/activities"
        return _id(await self._call("POST", service_url, path, conversation, activity))

    async def update(
        self, service_url: str, conversation: str, activity_id: str, activity: Mapping[str, object]
    ) -> None:
        """Replace what was written. Raises CardGone."""
        path = f"{_quoted(conversation)}/activities/{_quoted(activity_id)}"
        try:
            await self._call("PUT", service_url, path, conversation, activity)
        except ConversationGone as error:
            raise CardGone(str(error)) from error

    async def reply(
        self, service_url: str, conversation: str, activity_id: str, activity: Mapping[str, object]
    ) -> str:
        """Write below what was written, where the conversation has threads; return the id. Raises CardGone."""
        path = f"{_quoted(conversation)}/activities/{_quoted(activity_id)}"
        if _has_threads(conversation):
            # Teams takes the thread from the conversation's id alone.
            path = f"{_quoted(f'{conversation};messageid={activity_id}')}/activities"
        try:
            return _id(await self._call("POST", service_url, path, conversation, activity))
        except ConversationGone as error:
            raise CardGone(str(error)) from error

    async def open_personal(self, service_url: str, tenant: str, user_id: str) -> str:
        """Return the id of somebody's personal conversation with the bot; `user_id` may be their object id at Entra.

        It is the same one each time. Raises ConversationGone where the bot isn't installed for them.
        """
        question = {
            "bot": {"id": f"28:{self._settings.app_id}"},
            "isGroup": False,
            "members": [{"id": user_id}],
            "tenantId": tenant,
            "channelData": {"tenant": {"id": tenant}},
        }
        return _id(await self._call("POST", service_url, "", user_id, question))

    async def _call(
        self, method: str, service_url: str, path: str, pace_of: str, document: Mapping[str, object]
    ) -> Answer:
        url = self._address(service_url, path)
        content = orjson.dumps(document)
        try:
            async with asyncio.timeout(CALL_S):
                return await self._tried(method, url, pace_of, content)
        except TimeoutError as error:
            raise DeliveryDelayed(f"the connector took no {method} in {CALL_S:g} s") from error

    async def _tried(self, method: str, url: httpx.URL, pace_of: str, content: bytes) -> Answer:
        renewed = False
        tries = 0
        while True:
            await self._turn(pace_of, tried=tries > 0)
            # Nothing compressed, so that what is read of an answer is what was counted.
            headers = {"content-type": "application/json", "accept-encoding": "identity"}
            token = ""
            if not self._settings.allow_unauthenticated_loopback:
                token = await self._token.current()
                headers["authorization"] = f"Bearer {token}"
            request = self._client.build_request(method, url, content=content, headers=headers)
            answer = await exchange(self._client, request, self._settings.timeout_s)
            tries += 1
            if answer.success:
                return answer
            if answer.status == httpx.codes.UNAUTHORIZED and token:
                self._token.refused(token)
                if not renewed:
                    renewed = True
                    continue
            await self._wait_or_raise(answer, pace_of, tries)

    async def _turn(self, pace_of: str, *, tried: bool) -> None:
        given, wait_s = self._pace.turn(pace_of, PATIENCE_S)
        if not given:
            msg = f"too much is written into this conversation: {wait_s:.1f} s more"
            raise DeliveryDelayed(msg, wait_s, tried=tried)
        if wait_s > 0:
            await self._sleep(wait_s)

    async def _wait_or_raise(self, answer: Answer, pace_of: str, tries: int) -> None:
        """Wait until it is worth another try, or raise what the answer means."""
        failure = failure_of(answer)
        if not isinstance(failure, DeliveryDelayed):
            raise failure
        self._pace.pause(pace_of, failure.after_s)
        # With jitter, so that those who were turned away together don't come back together.
        wait_s = _BACKOFF_S * 2**tries * self._chance.uniform(0.5, 1.0)
        if answer.status not in AGAIN or tries >= TRIES or max(failure.after_s, wait_s) > PATIENCE_S:
            raise failure
        await self._sleep(wait_s)

    def _address(self, service_url: str, path: str) -> httpx.URL:
        try:
            if self._settings.allow_unauthenticated_loopback:
                base = loopback_url(service_url)
            else:
                base = trusted_url(service_url, self._settings.service_hosts)
        except ValueError as error:
            raise DeliveryRefused(f"nothing is sent to this serviceUrl: {error}") from None
        root = base.raw_path.decode("ascii").rstrip("/")
        return base.copy_with(raw_path=f"{root}/v3/conversations{'/' if path else ''}{path}".encode("ascii"))


def _quoted(identifier: str) -> str:
    return quote(identifier, safe="")


def _has_threads(conversation: str) -> bool:
    """Say whether it is a team's channel: group chats end in other domains, personal ones have none."""
    return conversation.endswith(("@thread.tacv2", "@thread.skype"))


def _id(answer: Answer) -> str:
    if not answer.id:
        raise DeliveryRefused(f"{answer.words}, and no id: what was written can't be changed any more")
    return answer.id
