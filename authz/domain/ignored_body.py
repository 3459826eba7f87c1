"""A JSON body without the parts that a rule lets differ: the rare exception to "nothing is decoded before hashing"."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

_ESCAPES = (("~1", "/"), ("~0", "~"))  # in this order, RFC 6901 section 4
_GONE = "ignored"


def without(body: bytes, pointers: Sequence[str]) -> bytes | None:
    """Return what is left of a JSON body in one spelling, members in their order, or None for a body that has none.

    A member that a pointer (RFC 6901) names counts as absent, an array's element as present with any value. Numbers
    stay as written, so that none loses digits. Doubled names, NaN, and what nests too deeply have no canonical
    spelling: two parsers could see two documents.
    """
    try:
        document = json.loads(
            body.decode(),
            object_pairs_hook=_members,
            parse_int=_Number,
            parse_float=_Number,
            parse_constant=_refused,
        )
        for pointer in pointers:
            _leave_out(document, _tokens(pointer))
        # In the order sent: to some upstreams it means something.
        return json.dumps(_tagged(document), separators=(",", ":")).encode()
    except (ValueError, RecursionError):
        return None


class _Number(str):
    """A number as written."""

    __slots__ = ()


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        msg = "a name stands twice in one object"
        raise ValueError(msg)
    return members


def _refused(constant: str) -> Any:  # noqa: ANN401 - never returns
    msg = f"{constant} is no JSON"
    raise ValueError(msg)


def _tokens(pointer: str) -> list[str]:
    tokens = pointer.split("/")[1:]
    for escaped, character in _ESCAPES:
        tokens = [token.replace(escaped, character) for token in tokens]
    return tokens


def _leave_out(document: Any, tokens: Sequence[str]) -> None:  # noqa: ANN401 - any JSON
    parent = document
    for token in tokens[:-1]:
        parent = _child(parent, token)
    last = tokens[-1]
    if isinstance(parent, dict):
        parent.pop(last, None)
    elif isinstance(parent, list) and _index(last) < len(parent):
        parent[_index(last)] = _GONE


def _child(parent: Any, token: str) -> Any:  # noqa: ANN401 - any JSON
    if isinstance(parent, dict):
        return parent.get(token)
    if isinstance(parent, list) and _index(token) < len(parent):
        return parent[_index(token)]
    return None


def _index(text: str) -> int:
    """Return an array index (RFC 6901 section 4: no leading zero), beyond every array for anything else."""
    plain = text.isascii() and text.isdigit() and (text == "0" or not text.startswith("0"))
    return int(text[:10]) if plain else 1 << 62


def _tagged(value: Any) -> Any:  # noqa: ANN401 - any JSON
    """Tell texts from numbers, which both are strings here."""
    if isinstance(value, dict):
        return {name: _tagged(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_tagged(item) for item in value]
    if isinstance(value, _Number):
        return f"n{value}"
    return f"s{value}" if isinstance(value, str) else value
