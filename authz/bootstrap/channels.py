"""The channels that the settings describe."""

from __future__ import annotations

import structlog

from authz.adapters.email.channel import Encryption, MailChannel, MailSettings
from authz.adapters.teams.workflows import WorkflowsChannel, WorkflowsSettings
from authz.adapters.webhook.channel import WebhookChannel, WebhookSettings
from authz.bootstrap.outside import Outside
from authz.bootstrap.own_channel import own_channel
from authz.bootstrap.slack import slack_channel
from authz.bootstrap.teams_bot import teams_channel
from authz.domain.errors import SettingsInvalid
from authz.services.ports import Channel
from authz.setting_channels import AnyChannel, ConnectorChannel, MailList, OwnChannel, SignedWebhook
from authz.setting_channels import WorkflowsChannel as DescribedWorkflows
from authz.setting_slack import SlackRoom
from authz.setting_teams_bot import TeamsBot
from authz.settings import Settings

log = structlog.get_logger("holdgate.notifier")


def channels(settings: Settings, outside: Outside) -> dict[str, Channel]:
    """Return every channel by its name. Raises SettingsInvalid, without an address, for those that can't work."""
    made: dict[str, Channel] = {}
    problems: list[str] = []
    for name, described in settings.channels.items():
        try:
            made[name] = _channel(name, described, settings, outside)
        except ValueError as error:
            problems.append(f"HOLDGATE_CHANNELS.{name}: {error}")
    if problems:
        raise SettingsInvalid(problems)
    return made


def _channel(name: str, described: AnyChannel, settings: Settings, outside: Outside) -> Channel:
    match described:
        case DescribedWorkflows():
            url = described.url.get_secret_value()
            return WorkflowsChannel(outside.webhooks, url, WorkflowsSettings(settings.public_url))
        case ConnectorChannel():
            return _connector(described.url.get_secret_value(), settings.public_url)
        case SignedWebhook():
            url = described.url.get_secret_value()
            return WebhookChannel(
                outside.webhooks,
                url,
                WebhookSettings(settings.public_url, described.keys, described.per_second),
            )
        case TeamsBot() | SlackRoom():
            return _chat(name, described, settings, outside)
        case OwnChannel():
            return own_channel(described.factory, settings.public_url, described.options.get_secret_value())
        case MailList():
            return MailChannel(
                MailSettings(
                    public_url=settings.public_url,
                    host=described.host,
                    port=described.port,
                    encryption=Encryption(described.encryption),
                    sender=described.sender,
                    recipients=described.recipients,
                    username=described.username,
                    password=described.password.get_secret_value(),
                )
            )


def _chat(name: str, described: TeamsBot | SlackRoom, settings: Settings, outside: Outside) -> Channel:
    """Return a channel whose cards have buttons, and are changed in place."""
    if isinstance(described, TeamsBot):
        return teams_channel(name, settings, outside)
    return slack_channel(name, described, settings, outside)


def _connector(url: str, public_url: str) -> Channel:
    """Return the channel of an optional library, and say what it can't do. Raises ValueError without the library."""
    try:
        from authz.adapters.teams.connector import (  # noqa: PLC0415 - an extra, for those who have such a channel
            ConnectorChannel as Connector,
        )
        from authz.adapters.teams.connector import ConnectorSettings  # noqa: PLC0415 - as above
    except ModuleNotFoundError:
        msg = "a channel of kind teams-connector needs pymsteams: install holdgate[teams-legacy]"
        raise ValueError(msg) from None
    log.warning(
        "channel.legacy",
        kind="teams-connector",
        advice="Microsoft switched Office 365 connectors off in May 2026; this serves self-hosted receivers alone, "
        "with a link and no details. For Teams use kind teams-workflows",
    )
    return Connector(url, ConnectorSettings(public_url))
