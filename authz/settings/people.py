from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, Field, ValidationInfo, field_validator
from pydantic_settings import NoDecode

from authz.setting_channels import AnyChannel
from authz.setting_listeners import check_listen
from authz.setting_routes import Route
from authz.setting_values import FromText, Timeout, check_public_url

Channels = Annotated[dict[str, AnyChannel], NoDecode, FromText]
Routes = Annotated[dict[str, Route], NoDecode, FromText]


class PeopleSettings(BaseModel):
    """People."""

    # Where the review pages and the ticket status are served: loopback or `unix:/path`.
    console_listen: str = Field("127.0.0.1:8088", min_length=1)
    # The address of the console as people reach it; links in cards and answers begin with it.
    public_url: str = "http://127.0.0.1:8088"
    # The management API's listener (loopback or `unix:/path`); off while empty.
    management_listen: str = ""
    # Name → how to reach people there, `{"kind": "teams-workflows", "url": "https://…"}` for example; the kinds are in
    # [notifications](notifications.md#kinds-of-channels).
    channels: Channels = Field(default_factory=dict)
    # Route name → names of channels, or `{"channels": […], "tell_requester": true}` to have them tell the requester of
    # [the outcome](notifications.md#telling-the-requester). `default` is where holds go that name no route.
    routes: Routes = {"default": Route()}
    # How often a notice is tried before it is given up on.
    delivery_attempts: int = Field(8, ge=1, le=100)
    # How long a notifier has a notice for itself; another one takes it after that.
    delivery_lease: Timeout = 30_000

    # How many notices a notifier delivers at once, and at least two for each channel. A channel that is slow can have
    # only some of them; see [channels that fail](notifications.md#a-channel-that-fails).
    deliveries_at_once: int = Field(32, ge=1, le=1000)

    # How many new tickets within a minute get a card each in one channel, before one that counts stands for the others;
    # 0 for any number. See [storms](notifications.md#storms).
    storm_tickets: int = Field(20, ge=0, le=10_000)
    # How many messages and presses from one kind of chat a console works on at once; more are turned away, and who sent
    # them is told so by the chat.
    chat_messages: int = Field(64, ge=1, le=10_000)

    @field_validator("console_listen", "management_listen")
    @classmethod
    def _local_only(cls, value: str) -> str:
        return check_listen(value)

    @field_validator("public_url")
    @classmethod
    def _followable(cls, value: str) -> str:
        return check_public_url(value)

    @field_validator("channels")
    @classmethod
    def _channels_have_names(cls, value: dict[str, AnyChannel]) -> dict[str, AnyChannel]:
        for name in value:
            if not name or any(character.isspace() for character in name):
                msg = "the name of a channel must have characters, and no space among them"
                raise ValueError(msg)
        return value

    @field_validator("routes")
    @classmethod
    def _routes_lead_somewhere(cls, value: dict[str, Route], info: ValidationInfo) -> dict[str, Route]:
        if "default" not in value:
            msg = "there must be a route named default"
            raise ValueError(msg)
        channels = info.data.get("channels")
        if channels is None:  # the channels have problems of their own
            return value
        unknown = sorted({name for route in value.values() for name in route.channels} - channels.keys())
        if unknown:
            msg = f"no channel is named {', '.join(unknown)}; there are: {', '.join(sorted(channels)) or 'none'}"
            raise ValueError(msg)
        return value
