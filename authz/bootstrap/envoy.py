"""The plan of Envoy's configuration."""

from __future__ import annotations

from pathlib import Path

from authz.adapters.envoy_config.endpoint import parse_endpoint
from authz.adapters.envoy_config.plan import ClientTls, EnvoyPlan, JwtProvider
from authz.adapters.envoy_config.wait_plan import WaitPlan
from authz.domain.errors import SettingsInvalid
from authz.setting_listeners import is_unspecified
from authz.settings import Settings

_MS = 1000


def envoy_plan(settings: Settings) -> EnvoyPlan:
    """Return the plan for Envoy's configuration, from the same settings as the servers'.

    Raises SettingsInvalid with every problem.
    """
    check_tls = _check_tls(settings)
    if not settings.check_endpoints and is_unspecified(settings.grpc_listen):
        why = f"HOLDGATE_GRPC_LISTEN={settings.grpc_listen} doesn't say how Envoy reaches the check servers"
        raise SettingsInvalid([f"HOLDGATE_CHECK_ENDPOINTS: needed, because {why}"])
    check = tuple(parse_endpoint(text) for text in settings.check_endpoints or settings.check_listens)
    return EnvoyPlan(
        listen=parse_endpoint(settings.envoy_listen),
        admin=parse_endpoint(settings.envoy_admin),
        check=check,
        console=parse_endpoint(settings.console_listen),
        upstream=parse_endpoint(settings.envoy_upstream),
        check_timeout=settings.check_timeout / _MS,
        body_limit=settings.body_limit,
        grpc_max_message=settings.max_check_bytes,
        # More than the servers take would only be shed there, after Envoy has sent it.
        max_checks=settings.max_concurrent_checks * len(check),
        wait=_wait_plan(settings, len(check)),
        metadata_namespaces=tuple(
            dict.fromkeys(source.namespace for source in settings.sources if source.namespace)
        ),
        jwt=_jwt_provider(settings),
        check_tls=check_tls,
        cors_origins=settings.envoy_cors_origins,
    )


def _check_tls(settings: Settings) -> ClientTls | None:
    """Return how Envoy and the check servers prove themselves to each other: all of it, or nothing."""
    given = {
        "HOLDGATE_ENVOY_CHECK_TLS_CERT": settings.envoy_check_tls_cert,
        "HOLDGATE_ENVOY_CHECK_TLS_KEY": settings.envoy_check_tls_key,
        "HOLDGATE_ENVOY_CHECK_TLS_CA": settings.envoy_check_tls_ca,
        "HOLDGATE_ENVOY_CHECK_TLS_SERVER_NAME": settings.envoy_check_tls_server_name,
    }
    if not any(given.values()) and not settings.grpc_tls_cert:
        return None
    missing = [name for name, value in given.items() if not value]
    if missing:
        raise SettingsInvalid([f"{name}: needed for mutual TLS with the check servers" for name in missing])
    certificate, private_key, trusted_ca, server_name = given.values()
    return ClientTls(
        certificate=certificate, private_key=private_key, trusted_ca=trusted_ca, server_name=server_name
    )


def _wait_plan(settings: Settings, workers: int) -> WaitPlan | None:
    if not settings.max_waiters:
        return None
    return WaitPlan(
        longest=settings.max_wait / _MS,
        waiters=settings.max_waiters * workers,
        prefixes=settings.envoy_wait_prefixes,
    )


def _jwt_provider(settings: Settings) -> JwtProvider | None:
    if not settings.envoy_jwt_issuer:
        return None
    try:
        jwks = Path(settings.envoy_jwt_jwks_file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsInvalid(
            [f"HOLDGATE_ENVOY_JWT_JWKS_FILE: {settings.envoy_jwt_jwks_file!r} can't be read: {error}"]
        ) from error
    return JwtProvider(issuer=settings.envoy_jwt_issuer, audiences=settings.envoy_jwt_audiences, jwks=jwks)
