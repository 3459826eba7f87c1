"""What of a request's body a card shows: a bounded, masked excerpt, faithful as far as it goes."""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256

from authz.adapters.cards.secrets import MASK, mask_lines, mask_pairs
from authz.adapters.cards.text import many_lines
from authz.domain.secrecy import is_secret
from authz.domain.ticket import FrozenRequest

_JSON_MAX = 64 * 1024  # beyond this the excerpt could not show the whole document anyway
_DEPTH_MAX = 64
_DIGEST_CHARACTERS = 16


@dataclass(frozen=True, slots=True)
class BodyExcerpt:
    """`caption` is in our own words: size, digest, what is missing. `text` is the request's, showable."""

    caption: str
    text: str


@dataclass(frozen=True, slots=True)
class _Pairs:
    """A JSON object as written: order and doubled keys kept, because a dict would hide what really runs."""

    items: tuple[tuple[str, object], ...]


@dataclass(frozen=True, slots=True)
class _Literal:
    """A number as written: 1e400 and 1.0 are not what a float makes of them."""

    text: str


def excerpt(request: FrozenRequest, body: bytes | None, limit: int) -> BodyExcerpt:
    """Return at most `limit` characters of what is kept of the body (None: nothing), secrets' values masked."""
    unchecked = "" if request.body_checked else "Body not checked: it may differ when this runs. "
    if not request.body_size:
        return BodyExcerpt(unchecked or "No body.", "")
    caption = f"{unchecked}Body: {request.body_size} bytes"
    kept = body or b""
    whole = len(kept) == request.body_size
    if whole:
        caption += f", SHA-256 {sha256(kept).hexdigest()[:_DIGEST_CHARACTERS]}…"
    text = _readable(kept, _media_type(request), whole=whole)
    if body is None:
        return BodyExcerpt(f"{caption}, not kept.", "")
    if text is None:
        return BodyExcerpt(f"{caption}, not shown here: see the page.", "")
    shown = many_lines(text, limit)
    if shown.cut or not whole:
        caption += ", cut here: see the page"
    return BodyExcerpt(f"{caption}.", shown.text)


def _readable(body: bytes, kind: str, *, whole: bool) -> str | None:
    """Return the body as text with secrets masked; None when it isn't text or they can't be told."""
    if not body or b"\0" in body or kind.startswith("multipart/"):
        return None
    try:
        # What is stored may end inside a character; anywhere else a broken one means that it isn't text.
        text = codecs.getincrementaldecoder("utf-8")().decode(body, final=whole)
    except UnicodeDecodeError:
        return None
    if kind == "application/x-www-form-urlencoded":
        return mask_pairs(text)
    if _looks_like_json(kind, text):
        return _pretty(text) if whole and len(text) <= _JSON_MAX else None
    return mask_lines(text)


def _looks_like_json(kind: str, text: str) -> bool:
    return kind == "application/json" or kind.endswith("+json") or text.lstrip()[:1] in {"{", "["}


def _media_type(request: FrozenRequest) -> str:
    values = [value for name, value in request.headers if name == "content-type"]
    return values[0].decode("latin-1").partition(";")[0].strip().lower() if values else ""


def _pretty(text: str) -> str | None:
    try:
        document = json.loads(
            text,
            object_pairs_hook=lambda pairs: _Pairs(tuple(pairs)),
            parse_int=_Literal,
            parse_float=_Literal,
            parse_constant=_Literal,
        )
        return "".join(_written(document, 0, masked=False))
    except (ValueError, RecursionError):
        return None


def _written(value: object, depth: int, *, masked: bool) -> Iterator[str]:
    if depth > _DEPTH_MAX:
        msg = "nested too deeply to be read by a person"
        raise ValueError(msg)
    if isinstance(value, (_Pairs, list)) and (value.items if isinstance(value, _Pairs) else value):
        yield from _container(value, depth, masked=masked)
    elif masked and value not in (None, True, False):
        yield MASK
    elif isinstance(value, _Literal):
        yield value.text
    elif isinstance(value, _Pairs):
        yield "{}"
    else:
        yield json.dumps(value, ensure_ascii=False)


def _container(value: _Pairs | list[object], depth: int, *, masked: bool) -> Iterator[str]:
    opening, closing = ("{", "}") if isinstance(value, _Pairs) else ("[", "]")
    yield opening
    entries = value.items if isinstance(value, _Pairs) else [(None, entry) for entry in value]
    for number, (key, entry) in enumerate(entries):
        yield ("," if number else "") + "\n" + "  " * (depth + 1)
        if key is not None:
            yield json.dumps(key, ensure_ascii=False) + ": "
        yield from _written(entry, depth + 1, masked=masked or (key is not None and is_secret(key)))
    yield "\n" + "  " * depth + closing
