"""The one way in which a process speaks to Teams: the vendor's pace is the bot's as a whole, and so is its token."""

from __future__ import annotations

import time
from urllib.parse import urlsplit

from authz.adapters.bot_framework.connector import Connector
from authz.adapters.bot_framework.settings import SERVICE_HOSTS, BotSettings
from authz.bootstrap.outside import Outside
from authz.setting_teams_bot import TeamsBot


def teams_connector(bot: TeamsBot, outside: Outside) -> Connector:
    """Return the connector of a bot, the same for all that this process does as that bot.

    Raises ValueError for an address that isn't protected.
    """
    made = outside.connectors.get(bot.app_id)
    if made is None:
        made = Connector(bot_settings(bot), outside.webhooks, monotonic=time.monotonic)
        outside.connectors[bot.app_id] = made
    return made


def bot_settings(bot: TeamsBot) -> BotSettings:
    """Return what the Bot Framework's adapter needs to know of a bot."""
    host = urlsplit(bot.service_url).hostname or ""
    return BotSettings(
        app_id=bot.app_id,
        tenant_id=bot.tenant_id,
        app_secret=bot.app_secret.get_secret_value(),
        login_url=bot.login_url,
        openid_url=bot.openid_url,
        service_hosts=tuple(dict.fromkeys((*SERVICE_HOSTS, host))),
        allow_unauthenticated_loopback=bot.playground,
    )
