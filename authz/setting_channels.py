"""How each kind of channel is described in `channels` of the settings."""

from __future__ import annotations

from base64 import b64decode
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

_PREFIX = "whsec_"
_KEY_BYTES = range(24, 65)


class WorkflowsChannel(BaseModel):
    """A Teams Workflows webhook. Its URL is the secret that lets one post."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["teams-workflows"]
    url: SecretStr


class SignedWebhook(BaseModel):
    """A receiver of signed CloudEvents. Every one of `secrets` signs, so that one can be replaced without a gap."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["webhook"]
    url: SecretStr
    secrets: tuple[SecretStr, ...] = Field(min_length=1, max_length=5)

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


AnyChannel = Annotated[WorkflowsChannel | SignedWebhook, Field(discriminator="kind")]
CHANNEL_KINDS = ("teams-workflows", "webhook")


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
