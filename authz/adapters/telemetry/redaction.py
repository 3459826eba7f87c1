"""Takes secrets out of a log record: values by the name they go under, texts by what secrets look like.

The bounds keep one record from costing more than a check: a text is cut, a structure is only followed so far.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from functools import lru_cache
from typing import Any, Final

import structlog

from authz.adapters.telemetry.secret_shapes import REDACTED, has_traces, without_secrets
from authz.domain.secrecy import is_secret

TEXT_MAX: Final = 8192
"""Characters of one text. Tracebacks are the longest."""

ITEMS_MAX: Final = 100
DEPTH_MAX: Final = 6

# Harmless names elsewhere; here they can only hold what a client or a policy sent.
_CONTENT: Final = frozenset(
    {"body", "form", "input", "parsed_body", "parsed_query", "payload", "query", "raw_body"}
)
# Written by the processors before this one.
_OURS: Final = frozenset({"level", "logger", "timestamp"})
# The ways to write a header or parameter as a pair of its own.
_NAME_MEMBERS: Final = ("name", "key", "header")
_VALUE_MEMBERS: Final = ("value", "values", "raw_value")
_PAIR: Final = 2
_CUT_WORD: Final = 400
_PLAIN: Final = frozenset({int, float, bool, type(None)})


def redact(_logger: object, _method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """Be a processor of structlog's, before the renderer and after whatever makes text of exceptions."""
    texts = []
    for name, value in event.items():
        kind = type(value)
        if _is_secret(name):
            event[name] = _named(name, value, 0)
        elif kind is str:
            if name not in _OURS:
                texts.append(value)
        elif kind not in _PLAIN:
            event[name] = _anything(value, 0)
    # A line for each check, nearly all without anything to hide: one look at all of its texts is much cheaper.
    joined = "\n".join(texts)
    if len(joined) > TEXT_MAX or has_traces(joined):
        for name, value in event.items():
            if type(value) is str:
                event[name] = _text(value)
    return event


def _named(name: str, value: object, depth: int) -> object:
    if _is_secret(name) and value is not None and not isinstance(value, bool) and value not in ("", b""):
        return REDACTED
    return _anything(value, depth)


def _anything(value: object, depth: int) -> object:
    if value is None or isinstance(value, int | float):
        return value
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, bytes | bytearray):
        return _text(repr(bytes(value[:TEXT_MAX])))
    if isinstance(value, Mapping | Sequence | AbstractSet):
        if depth >= DEPTH_MAX:
            return "…"
        return _mapping(value, depth) if isinstance(value, Mapping) else _sequence(value, depth)
    return _text(repr(value))


def _mapping(value: Mapping[Any, Any], depth: int) -> dict[str, object]:
    secret = any(isinstance(name := value.get(each), str) and _is_secret(name) for each in _NAME_MEMBERS)
    found: dict[str, object] = {}
    for number, (key, item) in enumerate(value.items()):
        if number == ITEMS_MAX:
            found["…"] = len(value) - ITEMS_MAX
            break
        # A key may be a secret itself, in a mapping of tokens.
        name = _text(key if isinstance(key, str) else repr(key))
        hidden = secret and name in _VALUE_MEMBERS
        found[name] = REDACTED if hidden else _named(name, item, depth + 1)
    return found


def _sequence(value: Sequence[Any] | AbstractSet[Any], depth: int) -> list[object]:
    items = list(value)[: ITEMS_MAX + 1]
    if len(items) == _PAIR and isinstance(value, Sequence) and _names(items[0]):
        return [_anything(items[0], depth + 1), REDACTED]
    found = [_anything(item, depth + 1) for item in items[:ITEMS_MAX]]
    return [*found, "…"] if len(items) > ITEMS_MAX else found


def _names(value: object) -> bool:
    if isinstance(value, bytes):
        value = value.decode("latin-1")
    return isinstance(value, str) and _is_secret(value)


def _text(text: str) -> str:
    if len(text) > TEXT_MAX:
        # Not in the middle of a word, whose first half would have no shape any more.
        kept = text[:TEXT_MAX]
        word = len(kept) - max(kept.rfind(space) for space in " \n\t")
        kept = kept[:-word] if word < _CUT_WORD else kept[:-_CUT_WORD]
        return f"{without_secrets(kept)}… ({len(text) - len(kept)} more characters)"
    return without_secrets(text) if has_traces(text) else text


@lru_cache(maxsize=1024)
def _is_secret(name: str) -> bool:
    return is_secret(name) or name.lower() in _CONTENT
