"""Slack: the channel that posts cards, and what the console needs for what people press there.

slack-bolt is an extra: without a channel of this kind nothing here is imported.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING

from authz.adapters.redis.card_book import RedisCardBook
from authz.bootstrap.deciding import voting_service
from authz.bootstrap.outside import Outside, redis_settings
from authz.domain.errors import SettingsInvalid
from authz.services.chat_approvals import ChatApprovals
from authz.services.chat_deciding import ChatDeciding
from authz.services.living_cards import LivingCards
from authz.services.ports import TicketStore
from authz.setting_slack import SlackRoom
from authz.settings import Settings

if TYPE_CHECKING:
    from authz.adapters.slack.web import SlackWeb

_NEEDED = ("aiohttp", "slack_bolt", "slack_sdk")


@dataclass(frozen=True, slots=True)
class SlackWorkspace:
    """One app in one workspace: every channel of the settings that it posts into, and what decides.

    `rooms` are (name in the settings, Slack's id of the channel, cards). `app_token` or `signing_secret` is
    empty.
    """

    team: str
    web: SlackWeb
    rooms: Sequence[tuple[str, str, LivingCards]]
    app_token: str
    signing_secret: str
    store: TicketStore
    deciding: ChatDeciding
    approvals: ChatApprovals


def slack_channel(name: str, described: SlackRoom, settings: Settings, outside: Outside) -> LivingCards:
    """Return one channel. Raises ValueError without the library."""
    return _cards(name, described, settings, outside, _web(described, outside))


def slack_workspaces(settings: Settings, outside: Outside) -> list[SlackWorkspace]:
    """Return what the console serves, one for each app. Raises SettingsInvalid."""
    by_app: dict[str, dict[str, SlackRoom]] = {}
    for name, described in settings.channels.items():
        if isinstance(described, SlackRoom):
            by_app.setdefault(described.bot_token.get_secret_value(), {})[name] = described
    return [_workspace(rooms, settings, outside) for rooms in by_app.values()]


def _workspace(rooms: dict[str, SlackRoom], settings: Settings, outside: Outside) -> SlackWorkspace:
    first_name, first = next(iter(rooms.items()))
    for name, room in rooms.items():
        if (room.team, room.app_token, room.signing_secret, room.api_url) != (
            first.team,
            first.app_token,
            first.signing_secret,
            first.api_url,
        ):
            raise SettingsInvalid(
                [f"HOLDGATE_CHANNELS.{name}: has the bot_token of {first_name}, and not the rest of that app"]
            )
    try:
        web = _web(first, outside)
    except ValueError as error:
        raise SettingsInvalid([f"HOLDGATE_CHANNELS.{first_name}: {error}"]) from None
    voting = voting_service(settings, outside)
    return SlackWorkspace(
        team=first.team,
        web=web,
        rooms=[
            (name, room.channel, _cards(name, room, settings, outside, web)) for name, room in rooms.items()
        ],
        app_token=first.app_token.get_secret_value(),
        signing_secret=first.signing_secret.get_secret_value(),
        store=outside.store,
        deciding=ChatDeciding(outside.store, voting, RedisCardBook(outside.store, redis_settings(settings))),
        approvals=ChatApprovals(outside.store, voting),
    )


def _web(described: SlackRoom, outside: Outside) -> SlackWeb:
    """Raise ValueError without the library."""
    if missing := [module for module in _NEEDED if find_spec(module) is None]:
        msg = f"a channel of kind slack needs {', '.join(missing)}: install holdgate[slack]"
        raise ValueError(msg)
    from authz.adapters.slack.web import SlackWeb  # noqa: PLC0415 - an extra

    web = SlackWeb(described.bot_token.get_secret_value(), base_url=described.api_url)
    outside.closing.push_async_callback(web.aclose)
    return web


def _cards(
    name: str, described: SlackRoom, settings: Settings, outside: Outside, web: SlackWeb
) -> LivingCards:
    from authz.adapters.slack.poster import PosterSettings, SlackPoster  # noqa: PLC0415 - an extra

    poster = SlackPoster(web, PosterSettings(described.team, described.channel, settings.public_url))
    book = RedisCardBook(outside.store, redis_settings(settings))
    return LivingCards(name, poster, book, outside.store)
