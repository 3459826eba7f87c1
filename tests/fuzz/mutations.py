"""Inputs that are nearly right: the seeds themselves, and what becomes of them by damage. No coverage is needed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tests.fuzz.differential.chance import BYTES, Chance
from tests.fuzz.messages import changed

# Tags, lengths and varints of protobuf, what JSON and HTTP turn on.
_PIECES: Sequence[bytes] = (
    *(
        b"\x0a",
        b"\x12",
        b"\x22",
        b"\x08\x01",
        b"\x00",
        b"\x7f",
        b"\x80\x01",
        b"\xff" * 9 + b"\x01",
        b"\x0b\x0c",
    ),
    *(
        b"{",
        b"}",
        b"[",
        b"]",
        b'"',
        b",",
        b":",
        b"true",
        b"null",
        b"\\u0000",
        b"\\ud800",
        b"1e999",
        b"\r\n\r\n",
    ),
    *(b'"allowed":true', b"Content-Length: 0\r\n", b"Transfer-Encoding: chunked\r\n", b"HTTP/1.1 200 OK\r\n"),
    *BYTES,
)


def mutated(seeds: Sequence[bytes], chance: Chance, *, messages: bool) -> Iterator[bytes]:
    """Yield each seed once, then damaged ones without an end; half of them within, where they are `messages`."""
    yield from seeds
    while True:
        data = chance.choice(seeds)
        if messages and chance.happens(0.5):
            yield changed(data, chance, lambda text: chance.damaged(text, _PIECES))
            continue
        way = chance.random()
        if way < 0.2:
            other = chance.choice(seeds)
            data = data[: chance.randint(0, len(data))] + other[chance.randint(0, len(other)) :]
        elif way < 0.3:
            data = data[: chance.randint(0, len(data))]
        for _ in range(chance.choice((1, 1, 2, 4))):
            data = chance.damaged(data, _PIECES)
        yield data
