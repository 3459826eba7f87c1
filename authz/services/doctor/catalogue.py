"""Every rule there is, found in the modules that have them, so that none can be missing from docs/doctor.md."""

from __future__ import annotations

from typing import Final

from authz.services.doctor import check_server, opa, redis, settings
from authz.services.doctor.envoy import (
    clusters,
    ext_authz,
    headers,
    judge,
    manager,
    order,
    repeats,
    routes,
    waiting,
)
from authz.services.doctor.finding import Rule

_MODULES: Final = (
    settings,
    opa,
    redis,
    check_server,
    judge,
    ext_authz,
    order,
    manager,
    headers,
    routes,
    repeats,
    waiting,
    clusters,
)

RULES: Final = tuple(
    {
        value.code: value for module in _MODULES for value in vars(module).values() if isinstance(value, Rule)
    }.values()
)
"""One of each code, area by area."""
