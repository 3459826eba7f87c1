"""Holdgate with logs that hide nothing, for the controls."""

from __future__ import annotations

import structlog

from authz.adapters.telemetry import logs
from authz.entrypoints.cli.main import main


def _as_it_comes(
    _logger: object, _method: str, event: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    return event


if __name__ == "__main__":
    logs.redact = _as_it_comes  # type: ignore[attr-defined] # put where it is looked up
    main()
