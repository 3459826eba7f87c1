"""Every setting, read in one place: `HOLDGATE_*` in the environment, else the YAML file named by HOLDGATE_CONFIG.

The environment wins. Secrets can be given as `*_FILE` instead, the path of a file that holds the value. Durations
are written as Go writes them (`150ms`, `30m`); lists are comma-separated in the environment. A bad configuration
names every problem at once.
"""

from __future__ import annotations

import os
from base64 import urlsafe_b64decode
from collections.abc import Mapping
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
    field_validator,
    model_validator,
)

from authz.domain.duration import parse_duration
from authz.domain.errors import SettingsInvalid
from authz.domain.principal_source import PrincipalSource, parse_principal_source
from authz.domain.requirement import Approver, ApproverKind
from authz.domain.token import TicketKey

PREFIX = "HOLDGATE_"
CONFIG_VARIABLE = "HOLDGATE_CONFIG"
# Read by the client commands, not by the servers.
_CLIENT_VARIABLES = frozenset({CONFIG_VARIABLE, "HOLDGATE_MANAGEMENT_ADDRESS", "HOLDGATE_DEMO"})
_SECRETS = frozenset({"ticket_keys", "redis_url", "channels"})


def _milliseconds(value: object) -> object:
    return parse_duration(value) if isinstance(value, str) else value


def _listed(value: object) -> object:
    return [item.strip() for item in value.split(",") if item.strip()] if isinstance(value, str) else value


Duration = Annotated[int, BeforeValidator(_milliseconds), Field(ge=0)]
Names = Annotated[tuple[str, ...], BeforeValidator(_listed)]
HeldStatus = Literal[202, 403, 428, 503]


class WorkflowsChannel(BaseModel):
    """A Teams Workflows webhook. Its URL is the secret that lets one post."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["teams-workflows"]
    url: SecretStr


class Settings(BaseModel):
    """The settings of every process; each reads the same ones, so that they can't drift apart."""

    model_config = ConfigDict(extra="forbid", frozen=True)

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
    routes: dict[str, tuple[str, ...]] = Field(default_factory=lambda: {"default": ()})
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

    @model_validator(mode="after")
    def _routes_lead_somewhere(self) -> Settings:
        if "default" not in self.routes:
            msg = "routes: there must be one named default"
            raise ValueError(msg)
        unknown = sorted({name for names in self.routes.values() for name in names} - self.channels.keys())
        if unknown:
            msg = f"routes: no channel named {unknown}; there are {sorted(self.channels)}"
            raise ValueError(msg)
        return self

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
    """Read the settings. Raises SettingsInvalid with every problem found."""
    environ = os.environ if environ is None else environ
    problems: list[str] = []
    values = _from_file(environ.get(CONFIG_VARIABLE, ""), problems)
    values |= _from_environment(environ, problems)
    try:
        settings = Settings.model_validate(values)
    except ValidationError as error:
        problems += [_in_words(item["loc"], item["msg"]) for item in error.errors()]
        raise SettingsInvalid(problems) from error
    if problems:
        raise SettingsInvalid(problems)
    return settings


def _from_file(path: str, problems: list[str]) -> dict[str, object]:
    if not path:
        return {}
    try:
        document = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        problems.append(f"{CONFIG_VARIABLE}: {path} can't be read: {error}")
        return {}
    if not isinstance(document, dict):
        problems.append(f"{CONFIG_VARIABLE}: {path} must hold one mapping of settings")
        return {}
    return {str(key): value for key, value in document.items()}


def _from_environment(environ: Mapping[str, str], problems: list[str]) -> dict[str, object]:
    values: dict[str, object] = {}
    for variable, text in sorted(environ.items()):
        if not variable.startswith(PREFIX) or variable in _CLIENT_VARIABLES:
            continue
        name = variable.removeprefix(PREFIX).lower()
        secret = name.removesuffix("_file")
        if name.endswith("_file") and secret in _SECRETS:
            _read_secret(variable, Path(text), secret, values, problems)
        elif name in Settings.model_fields:
            values[name] = _structured(name, text, problems)
        else:
            problems.append(f"{variable}: there is no such setting; see docs/settings.md")
    return values


def _read_secret(variable: str, path: Path, name: str, values: dict[str, object], problems: list[str]) -> None:
    try:
        values[name] = _structured(name, path.read_text(encoding="utf-8").strip(), problems)
    except (OSError, UnicodeDecodeError) as error:
        problems.append(f"{variable}: {path} can't be read: {error}")


def _structured(name: str, text: str, problems: list[str]) -> object:
    """Mappings are written as YAML (or JSON, which is YAML) in the environment."""
    if name not in {"channels", "routes"}:
        return text
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError:
        # The text is not repeated: a channel's URL is a secret.
        problems.append(f"{PREFIX}{name.upper()}: not readable as YAML or JSON")
        return {}


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
