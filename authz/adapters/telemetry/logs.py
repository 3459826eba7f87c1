"""Structured logs: one JSON object a line on standard error, without secrets."""

from __future__ import annotations

import json
import logging
import sys
import threading
from types import TracebackType
from typing import Any, Final

import structlog

from authz.adapters.telemetry.redaction import redact

# Made once: `json.dumps` makes one for every line, where it is told what to do with unknown types.
_ENCODER: Final = json.JSONEncoder(default=repr)


def configure_logs(level: str) -> None:
    """Set up logging for this process. `level` is debug, info, warning or error.

    Libraries log through the standard module and come out in the same form, from warnings on: their informational
    lines hold URLs and headers that may be secrets. What nobody caught is logged, too, instead of printed.
    """
    number = logging.getLevelNamesMapping()[level.upper()]
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    last: list[structlog.typing.Processor] = [
        structlog.processors.format_exc_info,
        redact,  # after everything that makes text, before what writes it
        _json,
    ]
    structlog.configure(
        processors=[*shared, *last],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=_NamedLoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
        )
    )
    logging.root.handlers[:] = [handler]
    logging.root.setLevel(max(number, logging.WARNING))
    logging.captureWarnings(True)  # noqa: FBT003 - the standard library's
    sys.excepthook = _uncaught
    sys.unraisablehook = _unraisable
    threading.excepthook = _uncaught_in_thread


class _NamedLogger(structlog.WriteLogger):
    """A fast writer that also knows its name, which `add_logger_name` asks for."""

    def __init__(self, name: str) -> None:
        super().__init__(sys.stderr)
        self.name = name


class _NamedLoggerFactory:
    """Makes one writer a name."""

    def __call__(self, *args: object) -> _NamedLogger:
        return _NamedLogger(str(args[0]) if args else "holdgate")


def _json(_logger: object, _method: str, event: structlog.typing.EventDict) -> str:
    return _ENCODER.encode(event)


def _uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)
        return
    _log_crash((kind, error, trace), "main")


def _uncaught_in_thread(args: threading.ExceptHookArgs) -> None:
    _log_crash(
        (args.exc_type, args.exc_value, args.exc_traceback), args.thread.name if args.thread else "thread"
    )


def _unraisable(args: sys.UnraisableHookArgs) -> None:
    _log_crash((args.exc_type, args.exc_value, args.exc_traceback), "finalizer")


def _log_crash(exc_info: Any, where: str) -> None:  # noqa: ANN401 - a triple that structlog takes as it comes
    structlog.get_logger("holdgate").critical("uncaught", where=where, exc_info=exc_info)
