"""The bot in Microsoft Teams, of which there is one: what posts for it, and what hears what is sent to it."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, replace
from typing import Final

import structlog

from authz.adapters.bot_framework.connector import Connector
from authz.adapters.bot_framework.inbound import InboundTokens
from authz.adapters.oidc.fetch import provider_client
from authz.adapters.redis.card_book import RedisCardBook
from authz.adapters.redis.conversation_store import RedisConversationStore
from authz.adapters.teams_bot.adoption import Adoption, Lived
from authz.adapters.teams_bot.card import CardTerms
from authz.adapters.teams_bot.poster import Rooms, TeamsPoster
from authz.bootstrap.deciding import voting_service
from authz.bootstrap.outside import Outside, redis_settings
from authz.bootstrap.teams_connector import bot_settings, teams_connector
from authz.domain.errors import SettingsInvalid
from authz.domain.protected_url import is_protected
from authz.services.chat_approvals import ChatApprovals
from authz.services.chat_deciding import ChatDeciding
from authz.services.conversations import ConversationStore
from authz.services.living_cards import LivingCards
from authz.services.ports import TicketStore
from authz.services.voting import VotingService
from authz.setting_listeners import is_local
from authz.setting_teams_bot import TeamsBot, check_one_bot
from authz.settings import Settings

log = structlog.get_logger("holdgate.teams")

_ASKING_S: Final = 2.0
"""One question to the key service: it is asked while Teams waits for an answer."""


@dataclass(frozen=True, slots=True)
class TeamsOutside:
    """What a process has of the bot. `playground` says that nothing proves who sent what."""

    store: TicketStore
    voting: VotingService
    deciding: ChatDeciding
    approvals: ChatApprovals
    inbound: InboundTokens
    connector: Connector
    conversations: ConversationStore
    adoption: Adoption
    terms: CardTerms
    playground: bool


def teams_bot(settings: Settings) -> TeamsBot | None:
    """Return the bot that the settings describe, None for none. Raises SettingsInvalid."""
    bots = [(name, one) for name, one in settings.channels.items() if isinstance(one, TeamsBot)]
    if not bots:
        return None
    name, bot = bots[0]
    try:
        check_one_bot(bots)
        if bot.playground:
            _check_playground(settings)
    except ValueError as error:
        raise SettingsInvalid([f"HOLDGATE_CHANNELS.{name}: {error}"]) from None
    return bot


def teams_channel(name: str, settings: Settings, outside: Outside) -> LivingCards:
    """Return one channel of the bot. Raises SettingsInvalid, and ValueError for an address that isn't protected."""
    bot, described = teams_bot(settings), settings.channels[name]
    assert bot is not None  # noqa: S101 - this one is among them
    assert isinstance(described, TeamsBot)  # noqa: S101 - the caller has looked
    return _channel(name, described, settings, outside, teams_connector(bot, outside))


@asynccontextmanager
async def open_teams(settings: Settings, outside: Outside) -> AsyncIterator[TeamsOutside | None]:
    """Open what the console needs of the bot, None where the settings have none; nothing is asked of it yet.

    Raises SettingsInvalid.
    """
    bot = teams_bot(settings)
    if bot is None:
        yield None
        return
    if bot.playground:
        log.error(
            "teams.playground",
            problem="anybody on this machine can decide in anybody's name: the bot takes messages without a proof",
            advice="this is for trying cards out; unset playground before anybody else uses this",
        )
    asking = replace(bot_settings(bot), timeout_s=_ASKING_S)
    async with provider_client(_ASKING_S) as client:
        try:
            inbound = InboundTokens(asking, client, wall=time.time, monotonic=time.monotonic)
            connector = teams_connector(bot, outside)
        except ValueError as error:
            raise SettingsInvalid([f"HOLDGATE_CHANNELS: the bot's addresses: {error}"]) from None
        book = RedisCardBook(outside.store, redis_settings(settings))
        voting = voting_service(settings, outside)
        async with aclosing(inbound):
            yield TeamsOutside(
                store=outside.store,
                voting=voting,
                deciding=ChatDeciding(outside.store, voting, book),
                approvals=ChatApprovals(outside.store, voting),
                inbound=inbound,
                connector=connector,
                conversations=RedisConversationStore(outside.store, bot.app_id),
                adoption=Adoption(_lived(settings, outside, connector), book),
                terms=CardTerms(settings.public_url, bot.tenant_id),
                playground=bot.playground,
            )


def _lived(settings: Settings, outside: Outside, connector: Connector) -> dict[str, Lived]:
    return {
        name: Lived(_channel(name, one, settings, outside, connector), one.post_to)
        for name, one in settings.channels.items()
        if isinstance(one, TeamsBot)
    }


def _channel(
    name: str, described: TeamsBot, settings: Settings, outside: Outside, connector: Connector
) -> LivingCards:
    poster = TeamsPoster(
        connector,
        RedisConversationStore(outside.store, described.app_id),
        Rooms(described.post_to, described.service_url),
        CardTerms(settings.public_url, described.tenant_id),
    )
    return LivingCards(name, poster, RedisCardBook(outside.store, redis_settings(settings)), outside.store)


def _check_playground(settings: Settings) -> None:
    """Refuse to believe messages without a proof anywhere but in a trial on one machine."""
    why = ""
    if settings.oidc_issuer:
        why = "HOLDGATE_OIDC_ISSUER is set"
    elif not (settings.public_url.startswith("http:") and is_protected(settings.public_url)):
        why = f"HOLDGATE_PUBLIC_URL={settings.public_url} is not http:// and loopback"
    elif not is_local(settings.console_listen) or settings.console_listen.startswith("unix:"):
        why = f"HOLDGATE_CONSOLE_LISTEN={settings.console_listen} is not a loopback port"
    if why:
        msg = f"playground takes messages without a proof of who sent them, so it is for a trial alone, and {why}"
        raise ValueError(msg)
