"""The whole examination: every part is asked at once, and none can hide another's findings."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import grpc

from authz import bootstrap
from authz.adapters.check_health.certificates import look_at_certificates
from authz.adapters.check_health.endpoint import ask_endpoint
from authz.adapters.envoy_admin.config_dump import ConfigUnavailable, read_config_dump
from authz.adapters.opa.inspection import OpaInspection
from authz.adapters.redis.inspection import look_at_redis
from authz.adapters.telemetry.metrics import Metrics
from authz.domain.errors import SettingsInvalid
from authz.entrypoints.check.mutual_tls import mutual_tls
from authz.entrypoints.cli.doctor.facts import (
    check_endpoints,
    expected_of_envoy,
    opa_facts,
    redis_facts,
    settings_facts,
)
from authz.services.doctor.check_server import (
    CertificateFacts,
    EndpointFacts,
    Health,
    judge_certificates,
    judge_endpoints,
)
from authz.services.doctor.envoy.judge import EnvoyFacts, judge_envoy
from authz.services.doctor.finding import Finding, Severity
from authz.services.doctor.opa import judge_opa
from authz.services.doctor.redis import judge_redis
from authz.services.doctor.settings import SETTINGS_INVALID, judge_settings
from authz.settings import Settings
from authz.settings_loader import load_settings


def examine(envoy_admin: str | None, environ: Mapping[str, str] | None = None) -> list[Finding]:
    """Return every finding. `envoy_admin` is an address that was asked for, None for the settings' own."""
    try:
        settings = load_settings(environ)
    except SettingsInvalid as error:
        return [SETTINGS_INVALID.found(*_split(problem)) for problem in error.problems]
    return asyncio.run(_examined(settings, envoy_admin))


async def _examined(settings: Settings, envoy_admin: str | None) -> list[Finding]:
    try:
        redis_settings = bootstrap.redis_settings(settings)
    except SettingsInvalid as error:
        return [SETTINGS_INVALID.found(*_split(problem)) for problem in error.problems]
    opa, redis, envoy, endpoints = await asyncio.gather(
        OpaInspection(
            opa_facts(settings), settings.opa_url, max_answer_bytes=settings.opa_max_answer_bytes
        ).look(),
        look_at_redis(redis_facts(settings), redis_settings),
        _envoy(settings, envoy_admin),
        _endpoints(settings),
    )
    return [
        *judge_settings(settings_facts(settings)),
        *judge_opa(opa),
        *judge_redis(redis),
        *judge_endpoints(endpoints),
        *judge_certificates(_certificates(settings), datetime.now(UTC)),
        *judge_envoy(envoy, expected_of_envoy(settings)),
    ]


async def _envoy(settings: Settings, asked_for: str | None) -> EnvoyFacts:
    where = asked_for or f"http://{settings.envoy_admin}"
    try:
        document = await read_config_dump(where)
    except ConfigUnavailable as error:
        return EnvoyFacts(where=where, asked_for=asked_for is not None, trouble=str(error))
    return EnvoyFacts(where=where, asked_for=asked_for is not None, document=document)


async def _endpoints(settings: Settings) -> list[EndpointFacts]:
    where = check_endpoints(settings)
    try:
        credentials = await asyncio.to_thread(_credentials, settings)
    except OSError as error:
        why = f"the files of HOLDGATE_ENVOY_CHECK_TLS_* can't be read here ({error.strerror})"
        return [EndpointFacts(each, Health.NOT_ASKED, why) for each in where]
    name = settings.envoy_check_tls_server_name
    return list(await asyncio.gather(*(ask_endpoint(each, credentials, name) for each in where)))


def _credentials(settings: Settings) -> grpc.ChannelCredentials | None:
    """Return what Envoy would show, None where the check server wants none. Raises OSError."""
    if not (settings.grpc_tls_cert or settings.envoy_check_tls_cert):
        return None
    files = (settings.envoy_check_tls_ca, settings.envoy_check_tls_key, settings.envoy_check_tls_cert)
    return grpc.ssl_channel_credentials(*(Path(name).read_bytes() for name in files))


def _certificates(settings: Settings) -> list[CertificateFacts]:
    """Look at the files there are. Those of Envoy may be on another machine, where nobody can look."""
    own = {
        "HOLDGATE_GRPC_TLS_CERT": settings.grpc_tls_cert,
        "HOLDGATE_GRPC_TLS_CLIENT_CA": settings.grpc_tls_client_ca,
    }
    found = [look_at_certificates(name, path) for name, path in own.items() if path]
    if not any(judge.severity is Severity.ERROR for judge in judge_certificates(found, datetime.now(UTC))):
        try:
            mutual_tls(settings, Metrics())  # the server's own look, which sees the key as well
        except SettingsInvalid as error:
            setting, problem = _split(error.problems[0])
            found.append(CertificateFacts(setting=setting, path="", trouble=problem))
    if settings.envoy_check_tls_ca and Path(settings.envoy_check_tls_ca).exists():
        found.append(look_at_certificates("HOLDGATE_ENVOY_CHECK_TLS_CA", settings.envoy_check_tls_ca))
    if settings.envoy_check_tls_cert and Path(settings.envoy_check_tls_cert).exists():
        found.append(
            look_at_certificates(
                "HOLDGATE_ENVOY_CHECK_TLS_CERT",
                settings.envoy_check_tls_cert,
                settings.grpc_client_identities,
            )
        )
    return found


def _split(problem: str) -> tuple[str, str]:
    """Return the setting that a problem begins with, and the rest as a sentence."""
    setting, colon, rest = problem.partition(": ")
    subject, said = (setting, rest) if colon and setting.startswith("HOLDGATE_") else ("", problem)
    return subject, said if said.endswith((".", "!", "?")) else f"{said}."
