"""Every setting, read in one place: `HOLDGATE_*` in the environment, else the YAML file named by HOLDGATE_CONFIG.

The environment wins. Secrets can be given as `*_FILE` instead, the path of a file that holds the value. Durations
are written as Go writes them (`150ms`, `30m`); lists are comma-separated in the environment. settings_loader.py reads
them.

The comment above a field is its line in docs/settings.md (`python -m tools.settings_table`).
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationInfo,
    field_validator,
)
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from authz.domain.approver import Approver
from authz.domain.principal_source import PrincipalSource, parse_principal_source
from authz.domain.token import TicketKey
from authz.setting_listeners import (
    check_grpc_listen,
    check_listen,
    check_reach,
    check_workers,
    nth_address,
)
from authz.setting_sources import (
    PREFIX,
    Environment,
    FromFile,
    given,
)
from authz.setting_values import (
    Duration,
    FromText,
    HeldStatus,
    Names,
    Timeout,
    check_header_names,
    check_identities,
    check_opa_url,
    check_public_url,
    check_redis_url,
    check_sources,
    parse_approver,
    parse_keys,
)


class WorkflowsChannel(BaseModel):
    """A Teams Workflows webhook. Its URL is the secret that lets one post."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["teams-workflows"]
    url: SecretStr


Channels = Annotated[dict[str, WorkflowsChannel], NoDecode, FromText]
Routes = Annotated[dict[str, tuple[str, ...]], NoDecode, FromText]


class Settings(BaseSettings):
    """The settings of every process; each reads the same ones, so that they can't drift apart."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, extra="forbid", frozen=True, hide_input_in_errors=True, validate_default=False
    )

    # --- The policy ---------------------------------------------------------------------------------------------
    # Where OPA listens: `http://…`, `https://…` or `unix:///path/to/socket`.
    opa_url: str = "http://127.0.0.1:8181"
    # The rule that is asked on every request, as a path below `/v1/data`.
    opa_decision_path: str = Field("envoy/authz/allow", min_length=1)
    # The rule that answers `{ns, id}` with a person; see [policies](policies.md).
    opa_directory_path: str = Field("holdgate/directory/person", min_length=1)
    # The rule that is asked whether somebody may vote, withdraw, cancel, revoke, review or look; empty for the
    # built-in one. It can only allow less; see [approvals](approvals.md).
    opa_vote_path: str = ""
    # Leave `parsed_body` and `truncated_body` out of the input: for policies that don't look at bodies.
    skip_body_parse: bool = False
    # A file with a FileDescriptorSet (`protoc --include_imports`), by which gRPC bodies are parsed; none while empty.
    proto_descriptor: str = ""
    # Ask the policy, log what it says, and let everything through: denials and holds too. No tickets are opened.
    dry_run: bool = False
    # How long one answer of OPA may take; less where less is left of Envoy's deadline.
    opa_timeout: Timeout = 150
    # Connections to OPA, which is also how many questions are under way at once.
    opa_connections: int = Field(64, ge=1, le=4096)
    # A longer answer of OPA is an error.
    opa_max_answer_bytes: int = Field(1 << 20, ge=1024)

    # --- Tickets ------------------------------------------------------------------------------------------------
    # Where tickets live: `redis://…`, `rediss://…` (TLS), `unix:///path/to/socket`; `redis+sentinel://HOST:PORT,…/MASTER`
    # and `redis+cluster://HOST:PORT,…`; see [Redis](redis.md).
    redis_url: SecretStr = SecretStr("redis://127.0.0.1:6379/0")
    # How long one call of Redis may take.
    redis_timeout: Timeout = 100
    # Connections to Redis, which is also how many calls are under way at once.
    redis_connections: int = Field(64, ge=1, le=4096)
    # In how many partitions tickets are kept, by requester: more than 1 spreads them over a cluster's nodes. It can't
    # be changed while tickets are stored.
    redis_partitions: int = Field(1, ge=1, le=64)
    # How many replicas have to have a redemption, a vote or another decision before it is answered (`WAIT`): all that
    # there are, less the one that a failover takes away. See [Redis](redis.md).
    redis_replicas: int = Field(0, ge=0, le=16)
    # The percentage of Redis's maxmemory from which on nothing new is held (503). What is left is for votes and
    # redemptions.
    redis_memory_watermark: int = Field(80, ge=1, le=100)
    # Say that Redis is durable although its configuration can't be read or shows no AOF.
    redis_durability_asserted: bool = False
    # `NAME:BASE64URL`, at least 32 bytes each; the first signs, all verify. Needed by check and console.
    ticket_keys: SecretStr = SecretStr("")
    # Tickets that may wait for a decision at once, in all. More are answered with 429. Each partition has its share.
    max_open_tickets: int = Field(10_000, ge=1)
    # The same for each requester.
    max_open_tickets_per_requester: int = Field(100, ge=1)
    # The same for each rule.
    max_open_tickets_per_rule: int = Field(5_000, ge=1)
    # New tickets in a minute, in all. A minute's worth may come at once; more are answered with 429.
    tickets_per_minute: int = Field(3_000, ge=1, le=1_000_000)
    # The same for each requester.
    tickets_per_minute_per_requester: int = Field(100, ge=1, le=1_000_000)
    # The same for each rule.
    tickets_per_minute_per_rule: int = Field(1_500, ge=1, le=1_000_000)
    # Bytes of tickets and bodies in Redis at once, in all, each counted for as long as it may be kept.
    max_stored_bytes: int = Field(1 << 30, ge=1 << 20)
    # The same for each requester.
    max_stored_bytes_per_requester: int = Field(1 << 27, ge=1 << 20)
    # How long an equal request is answered with the rejection it got.
    reject_cooldown: Duration = 10 * 60_000
    # How long a ticket is kept after its end, for the pages and the 403s that name it.
    ticket_retention: Duration = 7 * 24 * 3_600_000
    # How much of a body is kept with its ticket, for people to read. All of it is bound, whatever is kept.
    stored_body_bytes: int = Field(16_384, ge=0, le=1 << 20)
    # How long that is kept after the ticket's end; never longer than the ticket itself.
    body_retention: Duration = 24 * 3_600_000

    # --- Requests -----------------------------------------------------------------------------------------------
    # Where the principal comes from, first that answers: `source.principal`, `metadata:NAMESPACE/CLAIM`, `policy`.
    principal_from: Names = ("source.principal",)
    # Principals that several people share, as `NS:ID` (percent-encoded): nothing of theirs can be held.
    shared_principals: Names = ()
    # Hold requests of nobody in particular too: of callers without a principal, and of shared ones. Each request then
    # gets a ticket of its own, one approval more is needed, and quotas count the source address.
    anonymous_holds: bool = False
    # Headers a ticket is bound to besides the fixed ones: every header that routes match on belongs here.
    bind_headers: Names = ()
    # What Envoy buffers of a body (`max_request_bytes`); 0 for nothing. A route's own number goes into its
    # `context_extensions.holdgate_body_limit`.
    body_limit: int = Field(65_536, ge=0, le=4 << 20)
    # The status of a hold, where the policy's `http_status` says nothing. Any 2xx is success to careless clients.
    held_status: HeldStatus = 202
    # Who approves where a rule names nobody: `group:NAME` or `any`. Each is one approval, and all are needed.
    default_approvers: Names = ()
    # The longest `expires_in`, `remind_after` and `escalate.after` that a policy may demand; more is an error.
    max_expires_in: Timeout = 7 * 24 * 3_600_000
    # The longest `grant.valid_for`.
    max_valid_for: Timeout = 24 * 3_600_000
    # The longest `break_glass.review_within`.
    max_review_within: Timeout = 30 * 24 * 3_600_000
    # The longest `wait`.
    max_wait: Timeout = 5 * 60_000
    # The most `grant.uses`, and what a session has that names none.
    max_uses: int = Field(1000, ge=1, le=1_000_000)
    # The most approvals that one alternative of a demand may need.
    max_seats: int = Field(20, ge=1, le=100)
    # The longest text of a policy's: reasons, titles and values to show, names of groups, in characters.
    max_text: int = Field(500, ge=1, le=10_000)
    # The ways to sign in that are strong enough for `risk: high` (`demo`; `oidc` asks for the password again). Without
    # any such a demand is an error: nobody could approve it.
    strong_sign_in: Names = ()
    # How long before a vote on a high risk its voter may have signed in.
    high_risk_sign_in_age: Duration = 5 * 60_000

    # --- The check server ---------------------------------------------------------------------------------------
    # Where Envoy asks: loopback or `unix:/path`; with mutual TLS any address. See [the check server](check-server.md).
    grpc_listen: str = Field("127.0.0.1:9191", min_length=1)
    # A file with the check server's certificate and what leads from it to the CA, in PEM. Read again when it changes.
    grpc_tls_cert: str = ""
    # A file with the certificate's private key, in PEM, without a password.
    grpc_tls_key: str = ""
    # A file with the CAs whose certificates Envoys show, in PEM.
    grpc_tls_client_ca: str = ""
    # The Envoys that may ask, by URI or DNS name of their certificate: `spiffe://trust.domain/edge` (or all below it:
    # `spiffe://trust.domain/edge/*`), `envoy.internal`. Each of them can claim any principal.
    grpc_client_identities: Names = Field((), validate_default=True)
    # Say by gRPC reflection which services there are; for debugging.
    grpc_reflection: bool = False
    # Worker processes of `serve check` and `serve all`. Each listens one port further, or at the socket's path with
    # `.1`, `.2`, … appended; so do their metrics.
    workers: int = Field(1, ge=1, le=64)
    # How long Envoy waits for a check; written into Envoy's configuration.
    check_timeout: Timeout = 500
    # Checks of one worker that are under way at once; more are refused by Envoy, or else by the worker.
    # [The check server](check-server.md) says how to choose it.
    max_concurrent_checks: int = Field(128, ge=1)
    # The longest message that Envoy may send: a request's headers and body.
    max_check_bytes: int = Field(8 << 20, ge=4096)
    # How old a connection of Envoy's may grow. A client certificate is looked at only when one begins.
    grpc_connection_age: Timeout = 10 * 60_000
    # After not-serving: how long Envoy needs to notice.
    drain_delay: Duration = 3_000
    # How long calls that are open by then may take.
    shutdown_grace: Duration = 5_000

    # --- People -------------------------------------------------------------------------------------------------
    # Where the review pages and the ticket status are served: loopback or `unix:/path`.
    console_listen: str = Field("127.0.0.1:8088", min_length=1)
    # The address of the console as people reach it; links in cards and answers begin with it.
    public_url: str = "http://127.0.0.1:8088"
    # The management API's listener (loopback or `unix:/path`); off while empty.
    management_listen: str = ""
    # Name → how to reach approvers there: `{"kind": "teams-workflows", "url": "https://…"}`. The URL is a secret.
    channels: Channels = Field(default_factory=dict)
    # Route name → names of channels. `default` is where holds go that name no route.
    routes: Routes = {"default": ()}
    # How often a notice is tried before it is given up on.
    delivery_attempts: int = Field(8, ge=1, le=100)
    # How long a notifier has a notice for itself; another one takes it after that.
    delivery_lease: Timeout = 30_000

    # --- Operations ---------------------------------------------------------------------------------------------
    # Where metrics and probes are served: loopback or `unix:/path`; see [operations](operations.md).
    metrics_listen: str = Field("127.0.0.1:9464", min_length=1, validate_default=True)
    # What is logged: this and what is worse.
    log_level: Literal["debug", "info", "warning", "error"] = "info"

    # --- What `holdgate envoy-config` writes besides ------------------------------------------------------------
    # Where Envoy listens for clients.
    envoy_listen: str = "127.0.0.1:10000"
    # Where Envoy's admin interface listens.
    envoy_admin: str = "127.0.0.1:9901"
    # What stands behind Envoy.
    envoy_upstream: str = "127.0.0.1:8080"
    # Addresses of the check servers as Envoy reaches them; empty for HOLDGATE_GRPC_LISTEN.
    check_endpoints: Names = ()
    # Mutual TLS to the check servers, as files on Envoy's machine: Envoy's certificate in PEM.
    envoy_check_tls_cert: str = ""
    # Its private key.
    envoy_check_tls_key: str = ""
    # The CAs of the check servers' certificates.
    envoy_check_tls_ca: str = ""
    # The DNS name that the check servers' certificates have to have.
    envoy_check_tls_server_name: str = ""
    # An issuer whose tokens Envoy verifies (`jwt_authn`); none while empty.
    envoy_jwt_issuer: str = ""
    # The audiences that a token may be for.
    envoy_jwt_audiences: Names = ()
    # A file with the issuer's JWKS.
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
        read = given.get()
        return (
            init_settings,
            Environment(settings_cls),
            FromFile(settings_cls, read.secrets),
            FromFile(settings_cls, read.file),
        )

    @field_validator("principal_from")
    @classmethod
    def _known_sources(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return check_sources(value)

    @field_validator("ticket_keys")
    @classmethod
    def _readable_keys(cls, value: SecretStr) -> SecretStr:
        parse_keys(value.get_secret_value())
        return value

    @field_validator("default_approvers")
    @classmethod
    def _known_approvers(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for entry in value:
            parse_approver(entry)
        return value

    @field_validator("console_listen", "management_listen", "metrics_listen")
    @classmethod
    def _local_only(cls, value: str) -> str:
        return check_listen(value)

    @field_validator("grpc_listen")
    @classmethod
    def _listenable(cls, value: str) -> str:
        return check_grpc_listen(value)

    @field_validator("grpc_client_identities")
    @classmethod
    def _reached_by_listed_envoys_only(cls, value: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        names = ("grpc_tls_cert", "grpc_tls_key", "grpc_tls_client_ca")
        if "grpc_listen" in info.data:  # else it has problems of its own
            files = {f"{PREFIX}{name.upper()}": str(info.data.get(name, "")) for name in names}
            check_reach(info.data["grpc_listen"], files, value)
        return value

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

    @field_validator("opa_url")
    @classmethod
    def _reachable_opa(cls, value: str) -> str:
        return check_opa_url(value)

    @field_validator("public_url")
    @classmethod
    def _followable(cls, value: str) -> str:
        return check_public_url(value)

    @field_validator("redis_url")
    @classmethod
    def _reachable_redis(cls, value: SecretStr) -> SecretStr:
        check_redis_url(value.get_secret_value())
        return value

    @field_validator("bind_headers")
    @classmethod
    def _bindable(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return check_header_names(value)

    @field_validator("shared_principals")
    @classmethod
    def _spelled_identities(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return check_identities(value)

    @field_validator("routes")
    @classmethod
    def _routes_lead_somewhere(
        cls, value: dict[str, tuple[str, ...]], info: ValidationInfo
    ) -> dict[str, tuple[str, ...]]:
        if "default" not in value:
            msg = "there must be a route named default"
            raise ValueError(msg)
        channels = info.data.get("channels")
        if channels is None:  # the channels have problems of their own
            return value
        unknown = sorted({name for names in value.values() for name in names} - channels.keys())
        if unknown:
            msg = f"no channel is named {', '.join(unknown)}; there are: {', '.join(sorted(channels)) or 'none'}"
            raise ValueError(msg)
        return value

    @property
    def check_listens(self) -> tuple[str, ...]:
        """What the worker processes listen on, the first one first."""
        return tuple(nth_address(self.grpc_listen, number) for number in range(self.workers))

    @property
    def keys(self) -> tuple[TicketKey, ...]:
        """The ticket keys, the signing one first."""
        return parse_keys(self.ticket_keys.get_secret_value())

    @property
    def sources(self) -> tuple[PrincipalSource, ...]:
        """The principal's sources in order."""
        return tuple(parse_principal_source(entry) for entry in self.principal_from)

    @property
    def approvers(self) -> tuple[Approver, ...]:
        """The default approvers."""
        return tuple(parse_approver(entry) for entry in self.default_approvers)
