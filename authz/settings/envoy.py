from __future__ import annotations

from pydantic import BaseModel

from authz.setting_values import Names


class EnvoySettings(BaseModel):
    """What `holdgate envoy-config` writes besides."""

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
    # Paths whose checks may stay open for a vote without the client's `Prefer: wait=N`, by how they begin: `/deploy/`.
    # For rules with `wait`; see [waiting](waiting.md).
    envoy_wait_prefixes: Names = ()
    # Origins of pages that may use the gate from a browser, each in full: `https://app.example`. Empty for none.
    envoy_cors_origins: Names = ()
