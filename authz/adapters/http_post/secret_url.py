"""A webhook's address, which is its password: whoever knows it can post."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import httpx

# httpx writes the whole URL of each request at INFO; httpcore writes headers and hosts at DEBUG, urllib3 paths.
_LOGGERS = (
    "httpx",
    "httpcore.connection",
    "httpcore.http11",
    "httpcore.http2",
    "httpcore.proxy",
    "httpcore.socks",
    "urllib3.connectionpool",  # of pymsteams
)

_posting: ContextVar[bool] = ContextVar("posting_to_a_secret_url", default=False)


class SecretUrl:
    """An absolute http or https URL that no `repr`, `str` or error shows."""

    def __init__(self, url: str) -> None:
        """Take the URL. Raises ValueError, without the URL, when it isn't one to post to."""
        if not _usable(url):
            msg = "the webhook's address is not an absolute http or https URL"
            raise ValueError(msg)
        self._url = url

    def reveal(self) -> str:
        """Return the URL, for the HTTP client alone."""
        return self._url

    def __repr__(self) -> str:
        return "SecretUrl(…)"


def _usable(url: str) -> bool:
    try:
        parts = httpx.URL(url)
    except httpx.InvalidURL:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.host)


@contextmanager
def unlogged() -> Iterator[None]:
    """Keep the HTTP libraries' own log records of this task out of every log while inside."""
    for name in _LOGGERS:
        logging.getLogger(name).addFilter(_not_posting)  # adding the same filter again changes nothing
    token = _posting.set(True)
    try:
        yield
    finally:
        _posting.reset(token)


def _not_posting(_record: logging.LogRecord) -> bool:
    return not _posting.get()
