"""Values that are secret by the name they go under: a card is read by a whole channel."""

from __future__ import annotations

import re
from urllib.parse import unquote_plus

from authz.domain.secrecy import TICKET_TOKEN, is_secret

MASK = "•••••• (masked)"

_NAMED = re.compile(
    # Possessive, and from the start of a word only: a long line costs time in proportion to its length.
    r"""(?<![\w.-])([\w.-]++)["']?[ \t]{0,8}[:=][ \t]{0,8}"""  # name: value, name=value, "name": value
    r"""|<([\w:.-]++)(?:\s[^<>]{0,200})?>"""  # <name>value
)


def mask_tokens(text: str) -> str:
    """Return text with every ticket token of ours masked, wherever a client may have put it."""
    return TICKET_TOKEN.sub(MASK, text)


def mask_lines(text: str) -> str:
    """Return text of an unknown format, the rest of each line masked after the first secret name.

    Finds `name: value`, `name=value` (quoted or not) and `<name>value`.
    """
    return "\n".join(_mask_line(line) for line in text.split("\n"))


def mask_pairs(text: str) -> str:
    """Return a query string or form body with the values of secret names masked, all else untouched."""
    return "&".join(_mask_pair(pair) for pair in text.split("&"))


def _mask_line(line: str) -> str:
    for found in _NAMED.finditer(line):
        if is_secret(found.group(1) or found.group(2)):
            return line[: found.end()] + MASK
    return line


def _mask_pair(pair: str) -> str:
    name, equals, value = pair.partition("=")
    return f"{name}={MASK}" if equals and value and is_secret(unquote_plus(name)) else pair
