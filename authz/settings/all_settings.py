"""Every setting, read in one place: `HOLDGATE_*` in the environment, else the YAML file named by HOLDGATE_CONFIG.

The environment wins. Secrets can be given as `*_FILE` instead, the path of a file that holds the value. Durations
are written as Go writes them (`150ms`, `30m`); lists are comma-separated in the environment. settings_loader.py reads
them.

Each file here has a group of them, which is a section of docs/settings.md (`python -m tools.settings_table`): the
class's docstring is its heading, and the comment above a field is its line.
"""

from __future__ import annotations

from pydantic import ValidationInfo, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from authz.setting_listeners import check_workers
from authz.setting_sources import PREFIX, Environment, FromFile, given
from authz.settings.check_server import CheckServerSettings
from authz.settings.envoy import EnvoySettings
from authz.settings.operations import OperationsSettings
from authz.settings.people import PeopleSettings
from authz.settings.policy import PolicySettings
from authz.settings.quotas import QuotaSettings
from authz.settings.redis import RedisSettings
from authz.settings.requests import RequestSettings
from authz.settings.sign_in import SignInSettings
from authz.settings.tickets import TicketSettings


# The last base comes first, in the page and in what a validator knows of the others.
class Settings(
    EnvoySettings,
    OperationsSettings,
    SignInSettings,
    PeopleSettings,
    CheckServerSettings,
    RequestSettings,
    QuotaSettings,
    TicketSettings,
    RedisSettings,
    PolicySettings,
    BaseSettings,
):
    """The settings of every process; each reads the same ones, so that they can't drift apart."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, extra="forbid", frozen=True, hide_input_in_errors=True, validate_default=False
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the environment may be another one
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the base class passes it; .env files aren't read
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - as above: each secret names its own file
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment wins over files of secrets, and these over the YAML file."""
        read = given.get()
        return (
            init_settings,
            Environment(settings_cls),
            FromFile(settings_cls, read.secrets),
            FromFile(settings_cls, read.file),
        )

    @field_validator("metrics_listen")
    @classmethod
    def _room_for_workers(cls, value: str, info: ValidationInfo) -> str:
        if "grpc_listen" in info.data and "workers" in info.data:  # else they have problems of their own
            single = {
                f"{PREFIX}{name.upper()}": info.data.get(name, "")
                for name in ("console_listen", "management_listen")
            }
            listeners = {
                f"{PREFIX}GRPC_LISTEN": info.data["grpc_listen"],
                f"{PREFIX}METRICS_LISTEN": value,
            }
            check_workers(info.data["workers"], listeners, single)
        return value
