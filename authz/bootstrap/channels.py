"""The channels that the settings describe."""

from __future__ import annotations

from authz.adapters.email.channel import Encryption, MailChannel, MailSettings
from authz.adapters.teams.workflows import WorkflowsChannel, WorkflowsSettings
from authz.adapters.webhook.channel import WebhookChannel, WebhookSettings
from authz.bootstrap.outside import Outside
from authz.domain.errors import SettingsInvalid
from authz.services.ports import Channel
from authz.setting_channels import AnyChannel, MailList, SignedWebhook
from authz.setting_channels import WorkflowsChannel as DescribedWorkflows
from authz.settings import Settings


def channels(settings: Settings, outside: Outside) -> dict[str, Channel]:
    """Return every channel by its name. Raises SettingsInvalid, without an address, for those that can't work."""
    made: dict[str, Channel] = {}
    problems: list[str] = []
    for name, described in settings.channels.items():
        try:
            made[name] = _channel(described, settings, outside)
        except ValueError as error:
            problems.append(f"HOLDGATE_CHANNELS.{name}: {error}")
    if problems:
        raise SettingsInvalid(problems)
    return made


def _channel(described: AnyChannel, settings: Settings, outside: Outside) -> Channel:
    match described:
        case DescribedWorkflows():
            url = described.url.get_secret_value()
            return WorkflowsChannel(outside.webhooks, url, WorkflowsSettings(settings.public_url))
        case SignedWebhook():
            url = described.url.get_secret_value()
            return WebhookChannel(outside.webhooks, url, WebhookSettings(settings.public_url, described.keys))
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
