"""Turns what nobody foresaw into an answer that says nothing of it."""

from __future__ import annotations

import traceback

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from authz.entrypoints.console.pages import error_page

log = structlog.get_logger("holdgate.console")


def log_failure(error: Exception) -> None:
    """Log what nobody foresaw: its type and where it was raised, and never its text, which may quote a request."""
    place = traceback.extract_tb(error.__traceback__)[-1]
    log.error("console.failed", error=type(error).__name__, file=place.filename, line=place.lineno)


class ErrorBoundary:
    """Answers 500 when a page fails, and logs where.

    Never the text of the exception, which may quote a request.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on; re-raises only when an answer has begun already, so that the connection is cut."""
        begun = False

        async def noting(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._app(scope, receive, noting)
        except Exception as error:
            log_failure(error)
            if begun:
                raise
            page = error_page(
                500,
                "Something went wrong",
                "This page could not be made. Nothing was decided. The operator finds the place in the log.",
            )
            await page(scope, receive, send)
