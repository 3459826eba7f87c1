"""Reading the settings: all of them, or every problem that they have."""

from __future__ import annotations

import os
from collections.abc import Mapping

from pydantic import ValidationError

from authz.domain.errors import SettingsInvalid
from authz.setting_channels import CHANNEL_KINDS
from authz.setting_sources import CONFIG_VARIABLE, PREFIX, SECRETS, WORKER_VARIABLE, Given, given
from authz.settings import Settings

# Read by the client commands, or set for a process by another one.
_CLIENT_VARIABLES = frozenset(
    {CONFIG_VARIABLE, WORKER_VARIABLE, "HOLDGATE_MANAGEMENT_ADDRESS", "HOLDGATE_DEMO"}
)
_BEFORE_KIND = len(("channels", "NAME"))


def load_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """Read the settings from this process's environment, or from another one.

    Raises SettingsInvalid with every problem found.
    """
    reading = Given(os.environ if environ is None else environ)
    problems = _unknown_variables(reading.environ)
    reading.read_files(problems)
    token = given.set(reading)
    try:
        settings = Settings()
    except ValidationError as error:
        problems += [
            _in_words(item["loc"], item["type"], item["msg"]) for item in error.errors(include_url=False)
        ]
        raise SettingsInvalid(problems) from error
    finally:
        given.reset(token)
    if problems:
        raise SettingsInvalid(problems)
    return settings


def _unknown_variables(environ: Mapping[str, str]) -> list[str]:
    """Name the variables that look like settings and are none: a typo must not be a default in disguise."""
    known = {f"{PREFIX}{name.upper()}" for name in Settings.model_fields}
    known |= {f"{PREFIX}{name.upper()}_FILE" for name in SECRETS} | _CLIENT_VARIABLES
    return [
        f"{variable}: there is no such setting; see docs/settings.md"
        for variable in sorted(environ)
        if variable.upper().startswith(PREFIX) and variable.upper() not in known
    ]


def _in_words(location: tuple[int | str, ...], kind: str, message: str) -> str:
    name = str(location[0]) if location else ""
    if name == "channels" and len(location) > _BEFORE_KIND:
        location = (
            *location[:_BEFORE_KIND],
            *location[_BEFORE_KIND + 1 :],
        )  # the kind, put there by pydantic
    if kind.startswith("union_tag_"):
        location, message = (*location, "kind"), f"must be one of {', '.join(CHANNEL_KINDS)}"
    where = ".".join(str(part) for part in location[1:])
    variable = f"{PREFIX}{name.upper()}" if name else "settings"
    if kind == "extra_forbidden":
        message = "there is no such setting; see docs/settings.md"
    return f"{variable}{'.' + where if where else ''}: {message.removeprefix('Value error, ')}"
