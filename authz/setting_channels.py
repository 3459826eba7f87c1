"""How each kind of channel is described in `channels` of the settings."""

from __future__ import annotations

import re
from base64 import b64decode
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, Secret, SecretStr, field_validator, model_validator

from authz.setting_slack import SlackRoom
from authz.setting_teams_bot import TeamsBot

_PREFIX = "whsec_"
_KEY_BYTES = range(24, 65)
_THIS_MACHINE = frozenset({"127.0.0.1", "::1", "localhost"})
# What every mail server takes, of RFC 5321's Mailbox: nothing quoted, and nothing that could end a header.
_ADDRESS = re.compile(
    r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,253}[A-Za-z0-9])?"
)


class WorkflowsChannel(BaseModel):
    """A Teams Workflows webhook. Its URL is the secret that lets one post."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["teams-workflows"]
    url: SecretStr


class ConnectorChannel(BaseModel):
    """A self-hosted receiver of the retired Office 365 connector format. Its URL is a secret as above."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["teams-connector"]
    url: SecretStr


class SignedWebhook(BaseModel):
    """A receiver of signed CloudEvents. Every one of `secrets` signs, so that one can be replaced without a gap.

    `per_second` is how many arrive there in any second from one notifier.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["webhook"]
    url: SecretStr
    secrets: tuple[SecretStr, ...] = Field(min_length=1, max_length=5)
    per_second: int = Field(100, ge=1, le=10_000)

    @field_validator("secrets")
    @classmethod
    def _usable(cls, value: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
        for secret in value:
            _webhook_key(secret)
        return value

    @property
    def keys(self) -> tuple[bytes, ...]:
        """The secrets' bytes, which sign."""
        return tuple(_webhook_key(secret) for secret in self.secrets)


class MailList(BaseModel):
    """An SMTP server, and who gets a mail. Without encryption nothing but a server on this machine is spoken to."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["email"]
    host: str = Field(min_length=1)
    port: int = Field(587, ge=1, le=65535)
    encryption: Literal["starttls", "implicit", "none"] = "starttls"
    username: str = ""
    password: SecretStr = SecretStr("")
    sender: str = Field(alias="from")
    recipients: tuple[str, ...] = Field(alias="to", min_length=1, max_length=50)

    @field_validator("sender")
    @classmethod
    def _is_address(cls, value: str) -> str:
        return _mail_address(value)

    @field_validator("recipients")
    @classmethod
    def _are_addresses(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(_mail_address(address) for address in value)

    @model_validator(mode="after")
    def _kept_to_itself(self) -> MailList:
        if self.encryption == "none" and self.host not in _THIS_MACHINE:
            msg = "encryption: none is for a mail server on this machine"
            raise ValueError(msg)
        if bool(self.username) != bool(self.password.get_secret_value()):
            msg = "username and password go together"
            raise ValueError(msg)
        return self


class OwnChannel(BaseModel):
    """A channel that the operator wrote: `MODULE:NAME` of what makes it, and its options, all secret."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["python"]
    factory: str = Field(pattern=r"^[A-Za-z_][A-Za-z0-9_.]*:[A-Za-z_][A-Za-z0-9_]*$")
    options: Secret[dict[str, str]] = Secret({})


AnyChannel = Annotated[
    WorkflowsChannel | ConnectorChannel | TeamsBot | SlackRoom | SignedWebhook | MailList | OwnChannel,
    Field(discriminator="kind"),
]
CHANNEL_KINDS = ("teams-workflows", "teams-connector", "teams-bot", "slack", "webhook", "email", "python")


def _mail_address(text: str) -> str:
    if not _ADDRESS.fullmatch(text) or ".." in text:
        msg = f"{text!r:.80} is not an address of the form name@host, without a display name"
        raise ValueError(msg)
    return text


def _webhook_key(secret: SecretStr) -> bytes:
    """Return the bytes of `whsec_…` (Standard Webhooks). Raises ValueError, without a word of it."""
    prefix, found, text = secret.get_secret_value().partition(_PREFIX)
    try:
        key = b64decode(text, validate=True) if found and not prefix else b""
    except ValueError:
        key = b""
    if len(key) not in _KEY_BYTES:
        msg = f"a secret is {_PREFIX} and then {_KEY_BYTES[0]} to {_KEY_BYTES[-1]} random bytes in base64"
        raise ValueError(msg) from None
    return key
