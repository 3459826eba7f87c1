"""What the Envoy configuration is made from."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Final

from authz.adapters.envoy_config.endpoint import Endpoint, TcpEndpoint, UnixEndpoint
from authz.adapters.envoy_config.limits import CHECK_ENVELOPE, DEFAULT_MAX_CHECKS, STREAM_IDLE_TIMEOUT
from authz.adapters.envoy_config.origins import origin_problems
from authz.adapters.envoy_config.wait_plan import WaitPlan
from authz.domain.errors import SettingsInvalid

TICKET_STATUS_PATH: Final = r"/\.holdgate/tickets/[0-9A-Za-z_-]+"
"""RE2 pattern of the ticket status, the only path that is exempt from the check. One segment and nothing below it:
what `..;` or a second slash means is a matter between servers, so such paths are checked."""

JWT_NAMESPACE: Final = "envoy.filters.http.jwt_authn"
"""Metadata namespace in which Envoy puts the claims of a verified token, under `JWT_PAYLOAD_KEY`."""

JWT_PAYLOAD_KEY: Final = "jwt"

_MAX_BODY_LIMIT: Final = 64 * 1024 * 1024
_PRIVATE_JWK_MEMBERS: Final = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})  # RFC 7518, section 6


@dataclass(frozen=True, slots=True, kw_only=True)
class JwtProvider:
    """Whose bearer tokens Envoy verifies.

    `issuer` is the exact `iss`; of `audiences` one has to be in `aud`; `jwks` is the issuer's public key set as JSON
    text (RFC 7517).
    """

    issuer: str
    audiences: tuple[str, ...]
    jwks: str

    def problems(self) -> list[str]:
        """Name everything that Envoy would accept and that is wrong all the same."""
        found = []
        if not self.issuer:
            found.append("the JWT issuer is empty: tokens of any issuer would be accepted")
        if not self.audiences or "" in self.audiences:
            found.append(
                "the JWT provider needs an audience: without one, tokens made for other services pass"
            )
        return found + _jwks_problems(self.jwks)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientTls:
    """How Envoy proves itself to the check server, and the check server to Envoy.

    All three are paths of PEM files on Envoy's machine; `server_name` is the DNS name in the check server's
    certificate.
    """

    certificate: str
    private_key: str
    trusted_ca: str
    server_name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvoyPlan:
    """Everything an Envoy in front of Holdgate has to agree about with the server's settings.

    `listen` and `admin` are where Envoy itself listens. `check` has one endpoint per worker process of the check
    server. `console` serves the ticket status. `check_timeout` is in seconds and covers a retry of the RPC.
    `body_limit` is the number of body bytes that the check server is shown, 0 for none; `grpc_max_message` is the
    largest message that it receives, in bytes. `max_checks` are in flight at most, beyond them clients get the 503 of
    an unreachable check server; those that wait are counted apart, in `wait`, which is None where none may.
    `metadata_namespaces` are passed to it, besides JWT_NAMESPACE where `jwt` is given. Pages on `cors_origins` may use
    the gate from browsers. `upstream_http2` says that the upstream speaks HTTP/2 without TLS (gRPC does).

    Raises SettingsInvalid with every problem at once.
    """

    listen: Endpoint
    admin: Endpoint
    check: tuple[Endpoint, ...]
    console: Endpoint
    upstream: Endpoint
    check_timeout: float
    body_limit: int
    grpc_max_message: int
    max_checks: int = DEFAULT_MAX_CHECKS
    wait: WaitPlan | None = None
    metadata_namespaces: tuple[str, ...] = ()
    jwt: JwtProvider | None = None
    check_tls: ClientTls | None = None
    cors_origins: tuple[str, ...] = ()
    upstream_http2: bool = False

    def __post_init__(self) -> None:
        """Raise SettingsInvalid."""
        problems = [*self._address_problems(), *self._bound_problems()]
        if "" in self.metadata_namespaces:
            problems.append("a metadata namespace is empty")
        if self.jwt is not None:
            problems += self.jwt.problems()
        if self.wait is not None:
            problems += self.wait.problems(self.check_timeout)
        problems += origin_problems(self.cors_origins)
        if problems:
            raise SettingsInvalid(problems)

    @property
    def claims_namespaces(self) -> tuple[str, ...]:
        """The metadata namespaces that the check server sees, each once, in the order given."""
        jwt = () if self.jwt is None else (JWT_NAMESPACE,)
        return tuple(dict.fromkeys((*jwt, *self.metadata_namespaces)))

    def _address_problems(self) -> list[str]:
        found = [
            f"Envoy listens on addresses, not on names: give an IP address instead of {endpoint.host!r}"
            for endpoint in (self.listen, self.admin)
            if isinstance(endpoint, TcpEndpoint) and not endpoint.is_ip
        ]
        if not self.admin.is_local:
            found.append(
                f"the admin address {self.admin} is not loopback: whoever reaches it controls this Envoy"
            )
        if not self.check:
            found.append("the check server has no endpoint")
        if len(set(self.check)) != len(self.check):
            found.append("a check endpoint is listed twice")
        named = any(isinstance(endpoint, TcpEndpoint) and not endpoint.is_ip for endpoint in self.check)
        if named and any(isinstance(endpoint, UnixEndpoint) for endpoint in self.check):
            found.append(
                "check endpoints are unix sockets and host names: Envoy resolves names only among their kind"
            )
        if self.check_tls is None:
            found += [
                f"the check endpoint {endpoint} is not on this machine: whoever reaches it can claim any principal, "
                "so it needs mutual TLS"
                for endpoint in self.check
                if not endpoint.is_local
            ]
        return found

    def _bound_problems(self) -> list[str]:
        found = []
        if not 0 < self.check_timeout < STREAM_IDLE_TIMEOUT:
            found.append(
                f"a check timeout of {self.check_timeout} s is not between 0 and {STREAM_IDLE_TIMEOUT:g} s"
            )
        if not 0 <= self.body_limit <= _MAX_BODY_LIMIT:
            found.append(f"a body limit of {self.body_limit} bytes is not between 0 and {_MAX_BODY_LIMIT}")
        if self.max_checks < 1:
            found.append(f"with {self.max_checks} checks in flight at most, no request would ever pass")
        if self.grpc_max_message < self.body_limit + CHECK_ENVELOPE:
            found.append(
                f"a largest gRPC message of {self.grpc_max_message} bytes can't carry a body of {self.body_limit} "
                f"and {CHECK_ENVELOPE} bytes of headers and claims: every such request would get a 503"
            )
        return found


def _jwks_problems(text: str) -> list[str]:
    try:
        document = json.loads(text)
    except ValueError as error:
        return [f"the JWKS is not JSON: {error}"]
    keys = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(keys, list) or not keys:
        return ["the JWKS has no keys"]
    if any(not isinstance(key, dict) for key in keys):
        return ["a key of the JWKS is not an object"]
    if any(_PRIVATE_JWK_MEMBERS & key.keys() for key in keys):
        return [
            "the JWKS contains a private or shared key; only public keys belong into Envoy's configuration"
        ]
    return []
