from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

import httpx

from holdgate_client.problem import MEDIA_TYPE
from holdgate_client.ticket import HEADER

LIMIT: Final = 64 * 1024
"""Bytes of an answer of Holdgate's, at most. What is longer isn't one."""

_HELD_STATUSES: Final = frozenset({202, 403, 428, 503})
_LEAST_ERROR: Final = 400
_DIGITS: Final = 9
# A few bytes at a time, so that what they decompress to can be counted before there is much of it.
_PIECE: Final = 8


@dataclass(frozen=True, slots=True)
class Answer:
    """A response, and the JSON object in it where it may be Holdgate's.

    `response` can be read as if nothing had been.
    """

    response: httpx.Response
    document: Mapping[str, object] | None = field(default=None, repr=False)  # a hold's has the token


def media_type(headers: httpx.Headers) -> str:
    """Return the content-type without its parameters, in lowercase."""
    value: str = headers.get("content-type", "")
    return value.partition(";")[0].strip().lower()


def has_ticket(response: httpx.Response) -> bool:
    """Say whether the head is one of a hold."""
    return response.status_code in _HELD_STATUSES and HEADER in response.headers


def worth_reading(response: httpx.Response) -> bool:
    """Say from its head whether a response may be Holdgate's, so that its body has to be looked at."""
    length = response.headers.get("content-length", "0")
    if len(length) > _DIGITS or not length.isdigit() or int(length) > LIMIT:
        return False
    kind = media_type(response.headers)
    problem = kind == MEDIA_TYPE and response.status_code >= _LEAST_ERROR
    return problem or (kind == "application/json" and has_ticket(response))


def document(response: httpx.Response, raw: bytes) -> Mapping[str, object] | None:
    """Return the JSON object that a whole body (as sent, compressed perhaps) holds, None where it doesn't."""
    if len(raw) > LIMIT:
        return None
    pieces = _Pieces(raw)
    again = httpx.Response(response.status_code, headers=response.headers, stream=pieces)
    decoded = bytearray()
    try:
        for piece in again.iter_bytes():
            decoded += piece
            if len(decoded) > LIMIT:
                return None
        value = json.loads(decoded)
    except (httpx.DecodingError, ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


class _Pieces(httpx.SyncByteStream):
    def __init__(self, raw: bytes) -> None:
        self._raw = raw

    def __iter__(self) -> Iterator[bytes]:
        for start in range(0, len(self._raw), _PIECE):
            yield self._raw[start : start + _PIECE]


class Prefixed(httpx.SyncByteStream):
    """A body of which the beginning was read already."""

    def __init__(self, beginning: bytes, rest: Iterator[bytes], body: httpx.SyncByteStream) -> None:
        self._beginning = beginning
        self._rest = rest
        self._body = body

    def __iter__(self) -> Iterator[bytes]:
        """Begin with what was read."""
        yield self._beginning
        yield from self._rest

    def close(self) -> None:
        """Close the body."""
        self._body.close()


class AsyncPrefixed(httpx.AsyncByteStream):
    """A body of which the beginning was read already."""

    def __init__(self, beginning: bytes, rest: AsyncIterator[bytes], body: httpx.AsyncByteStream) -> None:
        self._beginning = beginning
        self._rest = rest
        self._body = body

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Begin with what was read."""
        yield self._beginning
        async for chunk in self._rest:
            yield chunk

    async def aclose(self) -> None:
        """Close the body."""
        await self._body.aclose()


def with_body(response: httpx.Response, body: httpx.SyncByteStream | httpx.AsyncByteStream) -> httpx.Response:
    """Return the response with another stream for its body, as it was sent."""
    return httpx.Response(
        response.status_code, headers=response.headers, stream=body, extensions=response.extensions
    )
