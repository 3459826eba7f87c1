"""The page token of List: the store's cursor together with the filter it belongs to.

It is opaque, not secret, and grants nothing: whoever makes one up gets tickets they may list anyway, or a
refusal.
"""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Collection

from authz.domain.ticket import State

LENGTH_MAX = 1024


def page_token(states: Collection[State], cursor: str) -> str:
    """Return the token of the next page; empty for an empty cursor."""
    if not cursor:
        return ""
    document = json.dumps([sorted(states), cursor], separators=(",", ":"))
    return urlsafe_b64encode(document.encode()).decode().rstrip("=")


def cursor_of(token: str, states: Collection[State]) -> str:
    """Return the cursor in a token; empty for an empty token.

    Raises ValueError when it isn't one of ours, or comes from a list with another filter.
    """
    if not token:
        return ""
    match _decoded(token):
        case [list(then), str(cursor)] if cursor.isascii() and cursor.isprintable():
            if then == sorted(states):
                return cursor
            msg = "comes from a list with other states; start again without it"
        case _:
            msg = "is not a page token; send one that List gave, unchanged"
    raise ValueError(msg)


def _decoded(token: str) -> object:
    """Return the document in a token, None where there is none."""
    if len(token) > LENGTH_MAX:
        return None
    try:
        return json.loads(urlsafe_b64decode(token + "=" * (-len(token) % 4)))
    except (ValueError, RecursionError):  # binascii.Error and UnicodeDecodeError are ValueErrors
        return None
