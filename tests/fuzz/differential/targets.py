"""Request targets, and pairs as queries and forms have them."""

from __future__ import annotations

from collections.abc import Sequence

from tests.fuzz.differential.chance import BYTES, Chance

_PATHS: Sequence[bytes] = (
    *(b"/", b"//", b"a", b"B", b"%", b"%2", b"%2F", b"%2f", b"%00", b"%ff", b"%C3%A9", b"%e2%82", b"."),
    *(b"%ed%a0%80", b"..", b"%2e", b"+", b" ", b"\xc3\xa9", b"%25", b"%3F", b"#", b"%g1", b"0", b";"),
    *(b"\\", b"%F0%9F%98%80", b"%c0%af", b"\x7f", b"*"),
)
_PAIRS: Sequence[bytes] = (
    *(*_PATHS, b"&", b"&", b"&", b"=", b"=", b"=", b"a=b", b"&&", b"%26", b"%3d", b"%3b", b"?"),
    *(b"a=1&a=2", b"b=", b"&%ff=1&%80=2"),
)
_STARTS: Sequence[bytes] = (b"/", b"/", b"/", b"", b"//", b"http://x", b"*")
# Go refuses more than 10,000 pairs.
_MANY: Sequence[int] = (9_999, 10_000, 10_001)


def target(chance: Chance) -> str:
    """Return a path with odd escapes, or with a query."""
    start = chance.choice(_STARTS) + chance.text(_PATHS, 6)
    return (start + chance.mostly(b"", 0.3, (b"?a=b", b"?", b"??a"))).decode("utf-8", "ignore")


def target_with_query(chance: Chance) -> str:
    """Return a plain path with an odd query."""
    return (b"/a?" + chance.text(_PAIRS, 8)).decode("utf-8", "ignore")


def form(chance: Chance) -> bytes:
    """Return a body for application/x-www-form-urlencoded."""
    if chance.happens(0.0005):
        return b"&" * chance.choice(_MANY)
    return chance.text((*_PAIRS, *BYTES), 8)
