"""How a bot in Microsoft Teams is described in `channels` of the settings."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Annotated, Final, Literal
from urllib.parse import unquote, urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, model_validator

from authz.domain.protected_url import is_protected

SERVICE_URL: Final = "https://smba.trafficmanager.net/teams/"
"""Where the vendor says that a bot reaches Teams before it heard from there."""

_GUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)
_CONVERSATION = re.compile(r"19:[A-Za-z0-9_.-]{1,200}@thread\.(?:tacv2|v2|skype)", re.ASCII)
_LINKS = re.compile(r"/l/(?:channel|chat)/([^/]+)(?:/.*)?", re.ASCII)
_TEAMS_HOSTS = frozenset({"teams.microsoft.com", "teams.cloud.microsoft", "gov.teams.microsoft.us"})


def _check_guid(value: str) -> str:
    """Return an id of Entra's in the spelling that its tokens have."""
    if not _GUID.fullmatch(value.lower()):
        msg = "must be an id as Entra shows it: 8-4-4-4-12 hexadecimal digits"
        raise ValueError(msg)
    return value.lower()


def _check_conversation(value: str) -> str:
    """Return the id of a channel or group chat, of itself or of the link that Teams gives out."""
    parts = urlsplit(value)
    found = _LINKS.fullmatch(parts.path) if parts.hostname in _TEAMS_HOSTS else None
    identifier = unquote(found[1]) if found else value
    if not _CONVERSATION.fullmatch(identifier):
        msg = (
            "must be a link to a channel or group chat, as Teams' 'Get link' copies it, or the id in it, "
            "19:…@thread.tacv2"
        )
        raise ValueError(msg)
    return identifier


def _check_protected(value: str) -> str:
    if not is_protected(value):
        msg = "must be https (http only for this machine): secrets and tokens go there"
        raise ValueError(msg)
    return value


Guid = Annotated[str, AfterValidator(_check_guid)]
ProtectedUrl = Annotated[str, AfterValidator(_check_protected)]
Conversation = Annotated[str, AfterValidator(_check_conversation)]


class TeamsBot(BaseModel):
    """A bot registered in one tenant, and the channels and group chats that it posts to."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["teams-bot"]
    app_id: Guid
    tenant_id: Guid
    app_secret: SecretStr = SecretStr("")
    post_to: tuple[Conversation, ...] = Field(min_length=1, max_length=10)
    service_url: ProtectedUrl = SERVICE_URL
    login_url: ProtectedUrl = "https://login.microsoftonline.com"
    openid_url: ProtectedUrl = "https://login.botframework.com/v1/.well-known/openidconfiguration"
    playground: bool = False

    @model_validator(mode="after")
    def _secret_or_playground(self) -> TeamsBot:
        if not self.playground and not self.app_secret.get_secret_value():
            msg = "app_secret is needed: the client secret of the app registration"
            raise ValueError(msg)
        return self

    @property
    def bot(self) -> tuple[object, ...]:
        """What makes it this bot and no other: all of it but where it posts to."""
        return tuple(value for name, value in self if name != "post_to")


def check_one_bot(bots: Iterable[tuple[str, TeamsBot]]) -> None:
    """Refuse two bots: there is one address that Teams sends to, and people should meet one name there."""
    described = list(bots)
    for name, bot in described[1:]:
        first, other = described[0]
        if bot.bot != other.bot:
            msg = f"{first} and {name} are of kind teams-bot, so all but their post_to has to be the same"
            raise ValueError(msg)
