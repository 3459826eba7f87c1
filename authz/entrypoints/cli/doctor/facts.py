"""The settings as the facts that the doctor judges."""

from __future__ import annotations

from urllib.parse import urlsplit

from authz.adapters.envoy_config.endpoint import parse_endpoint
from authz.adapters.envoy_config.plan import TICKET_STATUS_PATH
from authz.bootstrap import envoy_plan
from authz.domain.errors import SettingsInvalid
from authz.domain.fingerprint import always_bound
from authz.entrypoints.cli.doctor.places import is_encrypted, is_loopback, is_near, shown_place
from authz.services.doctor.envoy.expected import Expected
from authz.services.doctor.opa import OpaFacts
from authz.services.doctor.redis import RedisFacts
from authz.services.doctor.settings import SettingsFacts
from authz.setting_listeners import is_local
from authz.settings import Settings


def settings_facts(settings: Settings) -> SettingsFacts:
    """Return what is judged about the settings by themselves."""
    try:
        envoy_plan(settings)
        plan_problems: tuple[str, ...] = ()
    except SettingsInvalid as error:
        plan_problems = tuple(error.problems)
    return SettingsFacts(
        keys=settings.keys,
        sources=settings.sources,
        shared=settings.shared_principals,
        routes={name: route.channels for name, route in settings.routes.items()},
        channels=frozenset(settings.channels),
        public_url=settings.public_url,
        public_host_local=is_loopback(urlsplit(settings.public_url).hostname or ""),
        open_to_others=not (is_local(settings.grpc_listen) and is_local(settings.envoy_listen)),
        held_status=settings.held_status,
        default_approvers=bool(settings.approvers),
        check_timeout=settings.check_timeout,
        opa_timeout=settings.opa_timeout,
        redis_timeout=settings.redis_timeout,
        durability_asserted=settings.redis_durability_asserted,
        reflection=settings.grpc_reflection,
        dry_run=settings.dry_run,
        plan_problems=plan_problems,
    )


def opa_facts(settings: Settings) -> OpaFacts:
    """Return what is known of OPA before it is asked."""
    return OpaFacts(
        where=shown_place(settings.opa_url),
        local=is_near(settings.opa_url),
        encrypted=is_encrypted(settings.opa_url),
        timeout=settings.opa_timeout,
        decision_path=settings.opa_decision_path,
        directory_path=settings.opa_directory_path,
    )


def redis_facts(settings: Settings) -> RedisFacts:
    """Return what is known of Redis before it is asked."""
    url = settings.redis_url.get_secret_value()
    return RedisFacts(
        where=shown_place(url),
        local=is_near(url),
        encrypted=is_encrypted(url),
        timeout=settings.redis_timeout,
        replicas=settings.redis_replicas,
        watermark=settings.redis_memory_watermark,
    )


def check_endpoints(settings: Settings) -> tuple[str, ...]:
    """Return where Envoy asks, each as `HOST:PORT` or `unix:/PATH`."""
    return tuple(_spelled(each) for each in settings.check_endpoints or settings.check_listens)


def expected_of_envoy(settings: Settings) -> Expected:
    """Return what Envoy's configuration is compared with."""
    endpoints = check_endpoints(settings)
    return Expected(
        check_timeout=settings.check_timeout,
        opa_timeout=settings.opa_timeout,
        redis_timeout=settings.redis_timeout,
        drain_delay=settings.drain_delay,
        body_limit=settings.body_limit,
        bound_headers=always_bound(settings.bind_headers),
        namespaces=tuple(dict.fromkeys(each.namespace for each in settings.sources if each.namespace)),
        certificates=any(each.kind == "source.principal" for each in settings.sources),
        check_endpoints=frozenset(endpoints),
        check_tls=bool(settings.grpc_tls_cert),
        max_checks=settings.max_concurrent_checks * len(endpoints),
        max_wait=settings.max_wait,
        max_waiters=settings.max_waiters * len(endpoints),
        console_endpoint=_spelled(settings.console_listen),
        status_path=TICKET_STATUS_PATH,
    )


def _spelled(endpoint: str) -> str:
    """Spell an endpoint as Envoy's does; one that can't be read stays, and `envoy-config-refused` says so."""
    try:
        return str(parse_endpoint(endpoint))
    except SettingsInvalid:
        return endpoint
