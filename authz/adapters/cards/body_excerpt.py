"""What of a request's body a card shows: a bounded, masked excerpt, faithful as far as it goes."""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256

from authz.adapters.cards.secrets import MASK as SECRET
from authz.adapters.cards.secrets import mask_lines, mask_pairs
from authz.adapters.cards.text import many_lines
from authz.domain.secrecy import is_secret
from authz.domain.ticket import FrozenRequest

_JSON_MAX = 64 * 1024  # beyond this the excerpt could not show the whole document anyway
_DEPTH_MAX = 64
_DIGEST_CHARACTERS = 16

AMBIGUOUS = ". Ambiguous JSON: an object has a name twice, and programs differ in which one they take"
CUT_HERE = "… cut here: see the page."
LINES_MAX = 60
_INDENT = "  "

MARK = "  ← may differ when it runs"
"""Stands behind a value outside of its quotes, where nothing that JSON allows could look like it."""


@dataclass(frozen=True, slots=True)
class BodyExcerpt:
    """`caption` is in our own words: size, digest, what is missing. `text` is the request's; `cut` if it goes on."""

    caption: str
    text: str
    cut: bool = False


@dataclass(frozen=True, slots=True)
class _Pairs:
    """A JSON object as written: order and doubled keys kept, because a dict would hide what really runs."""

    items: tuple[tuple[str, object], ...]


@dataclass(frozen=True, slots=True)
class _Literal:
    """A number as written: 1e400 and 1.0 are not what a float makes of them."""

    text: str


def excerpt(
    request: FrozenRequest, body: bytes | None, limit: int, *, may_differ: Sequence[str] = ()
) -> BodyExcerpt:
    """Return at most `limit` characters and LINES_MAX lines of what is kept of the body, secrets' values masked.

    What stands in a JSON body at the pointers `may_differ` (RFC 6901) is marked, outside of every string of the body.
    """
    unchecked = "" if request.body_checked else "Body not checked: it may differ when this runs. "
    if not request.body_size:
        return BodyExcerpt(unchecked.rstrip() or "No body, and none may be added.", "")
    caption = f"{unchecked}Body: {request.body_size} bytes"
    kept = body or b""
    whole = len(kept) == request.body_size
    if whole:
        caption += f", SHA-256 {sha256(kept).hexdigest()[:_DIGEST_CHARACTERS]}…"
    if body is None:
        return BodyExcerpt(f"{caption}, not kept", "")
    read = _readable(kept, _media_type(request), frozenset(may_differ), whole=whole)
    if read is None:
        return BodyExcerpt(f"{caption}, not shown here: see the page", "")
    shown = many_lines(read.text, limit)
    lines = shown.text.split("\n")
    cut = bool(shown.cut) or not whole or len(lines) > LINES_MAX
    caption += ", cut: see the page" if cut else ""
    return BodyExcerpt(f"{caption}{AMBIGUOUS if read.doubled else ''}", "\n".join(lines[:LINES_MAX]), cut)


@dataclass(frozen=True, slots=True)
class _Read:
    """A body as text with secrets masked. `doubled` says that an object of it has a name twice."""

    text: str
    doubled: bool = False


def _readable(body: bytes, kind: str, may_differ: frozenset[str], *, whole: bool) -> _Read | None:
    """Return the body as text with secrets masked; None when it isn't text or they can't be told."""
    if not body or b"\0" in body or kind.startswith("multipart/"):
        return None
    try:
        # What is stored may end inside a character; anywhere else a broken one means that it isn't text.
        text = codecs.getincrementaldecoder("utf-8")().decode(body, final=whole)
    except UnicodeDecodeError:
        return None
    if kind == "application/x-www-form-urlencoded":
        return _Read(mask_pairs(text))
    if _looks_like_json(kind, text):
        return _pretty(text, may_differ) if whole and len(text) <= _JSON_MAX else None
    return _Read(mask_lines(text))


def _looks_like_json(kind: str, text: str) -> bool:
    return kind == "application/json" or kind.endswith("+json") or text.lstrip()[:1] in {"{", "["}


def _media_type(request: FrozenRequest) -> str:
    values = [value for name, value in request.headers if name == "content-type"]
    return values[0].decode("latin-1").partition(";")[0].strip().lower() if values else ""


def _pretty(text: str, may_differ: frozenset[str]) -> _Read | None:
    doubled = False

    def members(pairs: list[tuple[str, object]]) -> _Pairs:
        nonlocal doubled
        doubled |= len(dict(pairs)) < len(pairs)
        return _Pairs(tuple(pairs))

    try:
        document = json.loads(
            text,
            object_pairs_hook=members,
            parse_int=_Literal,
            parse_float=_Literal,
            parse_constant=_Literal,
        )
        return _Read("".join(_Writer(may_differ).written(document, _Place())), doubled)
    except (ValueError, RecursionError):
        return None


@dataclass(frozen=True, slots=True)
class _Place:
    """Where in a document a value stands: its JSON pointer, and whether a name on the way to it is a secret's."""

    pointer: str = ""
    depth: int = 0
    masked: bool = False

    def below(self, name: str | int) -> _Place:
        token = str(name).replace("~", "~0").replace("/", "~1")
        masked = self.masked or (isinstance(name, str) and is_secret(name))
        return _Place(f"{self.pointer}/{token}", self.depth + 1, masked)


@dataclass(frozen=True, slots=True)
class _Writer:
    """Lays a document out over lines."""

    may_differ: frozenset[str]

    def written(self, value: object, at: _Place, after: str = "") -> Iterator[str]:
        """Yield a value with `after` behind it, and the mark at the end of its first line."""
        if at.depth > _DEPTH_MAX:
            msg = "nested too deeply to be read by a person"
            raise ValueError(msg)
        mark = MARK if at.pointer in self.may_differ else ""
        if isinstance(value, (_Pairs, list)) and (value.items if isinstance(value, _Pairs) else value):
            yield from self._container(value, at, mark)
            yield after
        else:
            yield f"{_scalar(value, masked=at.masked)}{after}{mark}"

    def _container(self, value: _Pairs | list[object], at: _Place, mark: str) -> Iterator[str]:
        opening, closing = ("{", "}") if isinstance(value, _Pairs) else ("[", "]")
        yield opening + mark
        entries: Sequence[tuple[str | int, object]] = (
            value.items if isinstance(value, _Pairs) else list(enumerate(value))
        )
        for number, (key, entry) in enumerate(entries, 1):
            yield "\n" + _INDENT * (at.depth + 1)
            if isinstance(key, str):
                yield json.dumps(key, ensure_ascii=False) + ": "
            yield from self.written(entry, at.below(key), "," if number < len(entries) else "")
        yield "\n" + _INDENT * at.depth + closing


def _scalar(value: object, *, masked: bool) -> str:
    if masked and value not in (None, True, False):
        return SECRET
    if isinstance(value, _Literal):
        return value.text
    return "{}" if isinstance(value, _Pairs) else json.dumps(value, ensure_ascii=False)
