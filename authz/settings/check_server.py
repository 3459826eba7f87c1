from __future__ import annotations

from pydantic import BaseModel, Field, ValidationInfo, field_validator

from authz.setting_listeners import check_grpc_listen, check_reach, nth_address
from authz.setting_sources import PREFIX
from authz.setting_values import Duration, Names, Timeout


class CheckServerSettings(BaseModel):
    """The check server."""

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

    @property
    def check_listens(self) -> tuple[str, ...]:
        """What the worker processes listen on, the first one first."""
        return tuple(nth_address(self.grpc_listen, number) for number in range(self.workers))
