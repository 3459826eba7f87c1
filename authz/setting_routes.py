"""How a route is described in `routes` of the settings."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, model_validator


class Route(BaseModel):
    """The channels that are told, and whether they tell the requester what became of it.

    Written as a mapping, or as a list of channels alone.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    channels: tuple[str, ...] = ()
    tell_requester: bool = False

    @model_validator(mode="before")
    @classmethod
    def _channels_alone(cls, value: object) -> object:
        return {"channels": value} if isinstance(value, list | tuple) else value
