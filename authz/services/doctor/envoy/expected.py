"""What an Envoy's configuration is compared with."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What the servers' settings imply for Envoy. Times in milliseconds, endpoints as `HOST:PORT` or `unix:/PATH`.

    `bound_headers` are the lowercase names that every ticket is bound to, `namespaces` the metadata namespaces of
    HOLDGATE_PRINCIPAL_FROM. `max_checks` is what all worker processes take together, `max_waiters` how many more may
    stay open there, none of them longer than `max_wait`. `status_path` is the RE2 pattern of the only path that is
    meant to be exempt. `check_tls` says whether the check server insists on mutual TLS.
    """

    check_timeout: int
    opa_timeout: int
    redis_timeout: int
    drain_delay: int
    body_limit: int
    bound_headers: frozenset[str]
    namespaces: tuple[str, ...]
    certificates: bool
    check_endpoints: frozenset[str]
    check_tls: bool
    max_checks: int
    max_wait: int
    max_waiters: int
    console_endpoint: str
    status_path: str
