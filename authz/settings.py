"""Every setting, read in one place: `HOLDGATE_*` in the environment, else the YAML file named by HOLDGATE_CONFIG.

The environment wins. Secrets can be given as `*_FILE` instead, the path of a file that holds the value. Durations
are written as Go writes them (`150ms`, `30m`); lists are comma-separated in the environment. A bad configuration
names every problem at once.
"""

from __future__ import annotations

import os
from base64 import urlsafe_b64decode
from collections.abc import Mapping
from contextvars import ContextVar
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

import yaml
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from pydantic.fields import FieldInfo
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
    YamlConfigSettingsSource,
)
from yaml import YAMLError

from authz.domain.duration import parse_duration
from authz.domain.errors import SettingsInvalid
from authz.domain.principal_source import PrincipalSource, parse_principal_source
from authz.domain.requirement import Approver, ApproverKind
from authz.domain.token import TicketKey

PREFIX = "HOLDGATE_"
CONFIG_VARIABLE = "HOLDGATE_CONFIG"
# Read by the client commands, not by the servers.
_CLIENT_VARIABLES = frozenset({CONFIG_VARIABLE, "HOLDGATE_MANAGEMENT_ADDRESS", "HOLDGATE_DEMO"})
_SECRETS = ("channels", "redis_url", "ticket_keys")
_MAPPINGS = frozenset({"channels", "routes"})

_environ: ContextVar[Mapping[str, str]] = ContextVar("environ", default=os.environ)


def _milliseconds(value: object) -> object:
    return parse_duration(value) if isinstance(value, str) else value


def _listed(value: object) -> object:
    return [item.strip() for item in value.split(",") if item.strip()] if isinstance(value, str) else value


Duration = Annotated[int, BeforeValidator(_milliseconds), Field(ge=0)]
Names = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_listed)]
HeldStatus = Literal[202, 403, 428, 503]


class WorkflowsChannel(BaseModel):
    """A Teams Workflows webhook. Its URL is the secret that lets one post."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["teams-workflows"]
    url: SecretStr


class Settings(BaseSettings):
    """The settings of every process; each reads the same ones, so that they can't drift apart."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, extra="forbid", frozen=True, hide_input_in_errors=True
    )

    # --- the policy ---------------------------------------------------------------------------------------------
    # http://, https:// or unix:///path/to/socket
    opa_url: str = "http://127.0.0.1:8181"
    # The rule that is asked on every request, as a path below /v1/data.
    opa_decision_path: str = "envoy/authz/allow"
    # The rule that answers {ns, id} with a person; see docs/policies.md.
    opa_directory_path: str = "holdgate/directory/person"
    opa_timeout: Duration = 150
    # Connections to OPA, which is also how many questions are under way at once.
    opa_connections: int = Field(64, ge=1, le=4096)
    opa_max_answer_bytes: int = Field(1 << 20, ge=1024)

    # --- tickets ------------------------------------------------------------------------------------------------
    redis_url: SecretStr = SecretStr("redis://127.0.0.1:6379/0")
    redis_timeout: Duration = 100
    redis_connections: int = Field(64, ge=1, le=4096)
    # Say that Redis is durable although its configuration can't be read or shows no AOF.
    redis_durability_asserted: bool = False
    # NAME:BASE64URL, at least 32 bytes each; the first signs, all verify.
    ticket_keys: SecretStr = SecretStr("")
    max_open_tickets: int = Field(10_000, ge=1)
    max_open_tickets_per_requester: int = Field(100, ge=1)
    # How long an equal request is answered with the rejection it got.
    reject_cooldown: Duration = 10 * 60_000
    # How long a ticket is kept after its end, for the pages and the 403s that name it.
    ticket_retention: Duration = 7 * 24 * 3_600_000
    stored_body_bytes: int = Field(16_384, ge=0, le=1 << 20)

    # --- requests -----------------------------------------------------------------------------------------------
    # Where the principal comes from, first that answers: source.principal, metadata:NAMESPACE/CLAIM, policy.
    principal_from: Names = ("source.principal",)
    # Principals that several people share, as NS:ID (percent-encoded): nothing of theirs can be held.
    shared_principals: Names = ()
    # Headers a ticket is bound to besides the fixed ones: every header that routes match on belongs here.
    bind_headers: Names = ()
    # What Envoy buffers of a body (max_request_bytes); 0 for nothing.
    body_limit: int = Field(65_536, ge=0, le=4 << 20)
    # The status of a hold, where the policy's http_status says nothing. Any 2xx is success to careless clients.
    held_status: HeldStatus = 202
    # Who approves where a rule names nobody: group:NAME or any.
    default_approvers: Names = ()

    # --- the check server -----------------------------------------------------------------------------------------
    grpc_listen: str = "127.0.0.1:9191"
    # How long Envoy waits for a check; written into Envoy's configuration.
    check_timeout: Duration = 500
    max_concurrent_checks: int = Field(512, ge=1)
    max_check_bytes: int = Field(8 << 20, ge=4096)
    # After not-serving: how long Envoy needs to notice, and how long open checks may take.
    drain_delay: Duration = 3_000
    shutdown_grace: Duration = 5_000

    # --- people ---------------------------------------------------------------------------------------------------
    console_listen: str = "127.0.0.1:8088"
    # The address of the console as people reach it; links in cards and answers begin with it.
    public_url: str = "http://127.0.0.1:8088"
    # The management API's listener (loopback or unix); off while empty.
    management_listen: str = ""
    channels: dict[str, WorkflowsChannel] = Field(default_factory=dict)
    # Route name -> names of channels. `default` is where holds go that name no route.
    routes: dict[str, tuple[str, ...]] = {"default": ()}
    delivery_attempts: int = Field(8, ge=1, le=100)
    delivery_lease: Duration = 30_000

    # --- operations -----------------------------------------------------------------------------------------------
    metrics_listen: str = "127.0.0.1:9464"
    log_level: Literal["debug", "info", "warning", "error"] = "info"

    # --- what `holdgate envoy-config` writes besides ------------------------------------------------------------
    envoy_listen: str = "127.0.0.1:10000"
    envoy_admin: str = "127.0.0.1:9901"
    envoy_upstream: str = "127.0.0.1:8080"
    # Addresses of the check servers as Envoy reaches them; empty for grpc_listen.
    check_endpoints: Names = ()
    # An issuer whose tokens Envoy verifies (jwt_authn), with its audiences and a file with its JWKS.
    envoy_jwt_issuer: str = ""
    envoy_jwt_audiences: Names = ()
    envoy_jwt_jwks_file: str = ""

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
        sources = [init_settings, _Environment(settings_cls), _SecretFiles(settings_cls)]
        path = _environ.get().get(CONFIG_VARIABLE)
        if path:
            # Opened here, because the library passes over a file that isn't there.
            Path(path).open("rb").close()
            sources.append(YamlConfigSettingsSource(settings_cls, yaml_file=path))
        return tuple(sources)

    @field_validator("principal_from")
    @classmethod
    def _known_sources(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for entry in value:
            parse_principal_source(entry)
        return value

    @field_validator("ticket_keys")
    @classmethod
    def _readable_keys(cls, value: SecretStr) -> SecretStr:
        _parse_keys(value.get_secret_value())
        return value

    @field_validator("default_approvers")
    @classmethod
    def _known_approvers(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for entry in value:
            _parse_approver(entry)
        return value

    @field_validator("grpc_listen", "console_listen", "management_listen", "metrics_listen")
    @classmethod
    def _local_only(cls, value: str) -> str:
        # Whoever reaches the check port can claim any principal; other addresses need mTLS, which isn't there yet.
        if value and not is_local(value):
            msg = f"{value!r} is neither loopback (127.0.0.1:PORT, [::1]:PORT) nor a unix socket (unix:/PATH)"
            raise ValueError(msg)
        return value

    @field_validator("opa_url", "public_url")
    @classmethod
    def _known_scheme(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme not in {"http", "https", "unix"} or not (parts.netloc or parts.path):
            msg = f"{value!r} must begin with http:// or https:// (OPA also unix://) and name a host"
            raise ValueError(msg)
        return value

    @field_validator("routes")
    @classmethod
    def _routes_lead_somewhere(
        cls, value: dict[str, tuple[str, ...]], info: ValidationInfo
    ) -> dict[str, tuple[str, ...]]:
        if "default" not in value:
            msg = "there must be a route named default"
            raise ValueError(msg)
        channels = info.data.get("channels", {})
        unknown = sorted({name for names in value.values() for name in names} - channels.keys())
        if unknown:
            msg = f"no channel is named {', '.join(unknown)}; there are: {', '.join(sorted(channels)) or 'none'}"
            raise ValueError(msg)
        return value

    @property
    def keys(self) -> tuple[TicketKey, ...]:
        """The ticket keys, the signing one first."""
        return _parse_keys(self.ticket_keys.get_secret_value())

    @property
    def sources(self) -> tuple[PrincipalSource, ...]:
        """The principal's sources in order."""
        return tuple(parse_principal_source(entry) for entry in self.principal_from)

    @property
    def approvers(self) -> tuple[Approver, ...]:
        """The default approvers."""
        return tuple(_parse_approver(entry) for entry in self.default_approvers)


def is_local(address: str) -> bool:
    """Say whether an address to listen on is loopback or a unix socket."""
    return address.startswith(("127.0.0.1:", "[::1]:", "localhost:", "unix:/"))


def load_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """Read the settings from this process's environment, or from another one.

    Raises SettingsInvalid with every problem found.
    """
    token = _environ.set(os.environ if environ is None else environ)
    try:
        return _load()
    finally:
        _environ.reset(token)


def _load() -> Settings:
    problems = _unknown_variables()
    try:
        settings = Settings()
    except ValidationError as error:
        problems += [_in_words(item["loc"], item["msg"]) for item in error.errors(include_url=False)]
        raise SettingsInvalid(problems) from error
    except (OSError, SettingsError, YAMLError) as error:
        # The text is not repeated: a channel's URL is a secret.
        raise SettingsInvalid([*problems, f"settings: can't be read: {_where(error)}"]) from error
    if problems:
        raise SettingsInvalid(problems)
    return settings


class _Environment(EnvSettingsSource):
    """The environment that `load_settings` was given."""

    def _load_env_vars(self) -> Mapping[str, str | None]:
        return {name.lower(): value for name, value in _environ.get().items()}


class _SecretFiles(PydanticBaseSettingsSource):
    """`HOLDGATE_NAME_FILE`, for each setting that may be a secret."""

    def __call__(self) -> dict[str, object]:
        """Return the secrets that are given as files."""
        found: dict[str, object] = {}
        for name in _SECRETS:
            path = _environ.get().get(f"{PREFIX}{name.upper()}_FILE")
            if path:
                text = Path(path).read_text(encoding="utf-8").strip()
                found[name] = yaml.safe_load(text) if name in _MAPPINGS else text
        return found

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[object, str, bool]:  # noqa: ARG002 - asked by the base class
        """Unused: `__call__` reads all of them at once."""
        return None, field_name, False


def _unknown_variables() -> list[str]:
    """Name the variables that look like settings and are none: a typo must not be a default in disguise."""
    known = {f"{PREFIX}{name.upper()}" for name in Settings.model_fields}
    known |= {f"{PREFIX}{name.upper()}_FILE" for name in _SECRETS} | _CLIENT_VARIABLES
    return [
        f"{variable}: there is no such setting; see docs/settings.md"
        for variable in sorted(_environ.get())
        if variable.startswith(PREFIX) and variable not in known
    ]


def _where(error: Exception) -> str:
    if isinstance(error, OSError):
        return f"{error.filename}: {error.strerror}"
    return f"{type(error).__name__}: check the quoting of HOLDGATE_CHANNELS, HOLDGATE_ROUTES and {CONFIG_VARIABLE}"


def _in_words(location: tuple[int | str, ...], message: str) -> str:
    name = str(location[0]) if location else ""
    where = ".".join(str(part) for part in location[1:])
    variable = f"{PREFIX}{name.upper()}" if name else "settings"
    return f"{variable}{'.' + where if where else ''}: {message.removeprefix('Value error, ')}"


def _parse_keys(text: str) -> tuple[TicketKey, ...]:
    keys = []
    for entry in filter(None, (part.strip() for part in text.split(","))):
        kid, _, encoded = entry.partition(":")
        try:
            secret = urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4))
        except ValueError as error:
            msg = f"key {kid!r} is not NAME:BASE64URL"
            raise ValueError(msg) from error
        keys.append(TicketKey(kid, secret))
    return tuple(keys)


def _parse_approver(text: str) -> Approver:
    kind, _, name = text.partition(":")
    if text == "any":
        return Approver(ApproverKind.ANY)
    if kind == "group" and name:
        return Approver(ApproverKind.GROUP, group=name)
    msg = f"{text!r} is not group:NAME or any"
    raise ValueError(msg)
