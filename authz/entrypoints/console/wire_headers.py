"""Headers of a stored request as text."""

from __future__ import annotations

from authz.domain.ticket import FrozenRequest


def shown_headers(request: FrozenRequest) -> list[tuple[str, str]]:
    """Return the headers that were present, with bytes outside UTF-8 carried as PEP 383 does."""
    return [(name, value.decode("utf-8", "surrogateescape")) for name, value in request.headers]
