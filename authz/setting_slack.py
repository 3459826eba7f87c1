"""How a Slack channel is described in `channels` of the settings."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from authz.domain.protected_url import is_protected


class SlackRoom(BaseModel):
    """A channel in Slack, by an app that is installed in the workspace `team`.

    What people press comes back over a connection of ours (`app_token`, Socket Mode) or over HTTP (`signing_secret`).
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["slack"]
    team: str = Field(pattern=r"^T[A-Z0-9]{2,40}$")
    channel: str = Field(pattern=r"^[CG][A-Z0-9]{2,40}$")
    bot_token: SecretStr
    app_token: SecretStr = SecretStr("")
    signing_secret: SecretStr = SecretStr("")
    api_url: str = "https://slack.com/api/"

    @field_validator("bot_token")
    @classmethod
    def _of_a_bot(cls, value: SecretStr) -> SecretStr:
        return _beginning("xoxb-", value, "the Bot User OAuth Token")

    @field_validator("app_token")
    @classmethod
    def _of_an_app(cls, value: SecretStr) -> SecretStr:
        return _beginning("xapp-", value, "an app-level token") if value.get_secret_value() else value

    @field_validator("api_url")
    @classmethod
    def _encrypted(cls, value: str) -> str:
        if not is_protected(value):
            msg = "must be https (http only for this machine): the tokens go there"
            raise ValueError(msg)
        return value if value.endswith("/") else f"{value}/"

    @model_validator(mode="after")
    def _one_way_in(self) -> SlackRoom:
        if bool(self.app_token.get_secret_value()) == bool(self.signing_secret.get_secret_value()):
            msg = "give app_token (Socket Mode) or signing_secret (HTTP), and not both"
            raise ValueError(msg)
        return self


def _beginning(prefix: str, value: SecretStr, called: str) -> SecretStr:
    """Raise ValueError, without a word of it, for what isn't such a token."""
    text = value.get_secret_value()
    if not text.startswith(prefix) or not text.isascii() or not text.isprintable() or " " in text:
        msg = f"must be {called}, which begins with {prefix}"
        raise ValueError(msg)
    return value
