"""`Content-Type` and `Content-Disposition` with their parameters, as Go's mime package reads them.

Text is what "surrogateescape" makes of the header's bytes, so that none is lost.
"""

from __future__ import annotations

import re
from urllib.parse import unquote_to_bytes

from authz.domain.errors import BadRequest

_CHARACTER = r"[0-9A-Za-z!#$%&'*+.^_`{|}~-]"  # RFC 2045 section 5.1
_TYPE = re.compile(rf"{_CHARACTER}+(?:/{_CHARACTER}+)?", re.ASCII)
_NAME = re.compile(rf"{_CHARACTER}+", re.ASCII)
# A backslash escapes specials only: some browsers send C:\dir\file in quotes.
_ESCAPE = re.compile(r'\\([()<>@,;:\\"/\[\]?=])', re.ASCII)
_QUOTED = re.compile(r'"((?:\\[()<>@,;:\\"/\[\]?=]|[^"\r\n])*+)"', re.ASCII)
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})", re.ASCII)
# unicode.IsSpace; str.strip() without an argument takes four more.
_SPACE = "\t\n\v\f\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))


def media_type(header: str) -> tuple[str, dict[str, str]]:
    """Return the lowercase type, and the parameters with continuations and charsets put together (RFC 2231).

    Raises BadRequest when the header can't be read.
    """
    base, semicolon, rest = header.partition(";")
    # Go's lower case of U+0130 is a plain i, Python's is two characters.
    kind = base.replace("\u0130", "i").lower().strip(_SPACE)
    if not _TYPE.fullmatch(kind):
        msg = "a content type or disposition does not begin with a token"
        raise BadRequest(msg)
    plain: dict[str, str] = {}
    pieces: dict[str, dict[str, str]] = {}
    rest = semicolon + rest
    while rest := rest.lstrip(_SPACE):
        if rest.strip(_SPACE) == ";":
            break
        name, value, rest = _parameter(rest)
        stem, star, _ = name.partition("*")
        known = pieces.setdefault(stem, {}) if star else plain
        if known.setdefault(name, value) != value:
            msg = "a content type or disposition has a parameter twice, with different values"
            raise BadRequest(msg)
    for stem, parts in pieces.items():
        joined = _joined(stem, parts)
        if joined is not None:
            plain[stem] = joined
    return kind, plain


def _parameter(text: str) -> tuple[str, str, str]:
    """Split `; name=value` off; `text` begins with no space. Returns the rest too. Raises BadRequest."""
    if text.startswith(";"):
        text = text[1:].lstrip(_SPACE)
        name = _NAME.match(text)
        if name:
            text = text[name.end() :].lstrip(_SPACE)
            if text.startswith("="):
                text = text[1:].lstrip(_SPACE)
                if quoted := _QUOTED.match(text):
                    return name[0].lower(), _ESCAPE.sub(r"\1", quoted[1]), text[quoted.end() :]
                if token := _NAME.match(text):
                    return name[0].lower(), token[0], text[token.end() :]
    msg = "a content type or disposition has a parameter that is not NAME=VALUE"
    raise BadRequest(msg)


def _joined(stem: str, parts: dict[str, str]) -> str | None:
    """Put `name*`, or `name*0`, `name*1*`, … together. None where there is nothing to be read."""
    whole = parts.get(f"{stem}*")
    if whole is not None:
        return _decoded(whole)
    text: list[str] = []
    while True:
        name = f"{stem}*{len(text)}"
        if name in parts:
            text.append(parts[name])
        elif f"{name}*" in parts:
            value = parts[f"{name}*"]
            text.append((_unescaped(value) if text else _decoded(value)) or "")
        else:
            return "".join(text) if text else None


def _decoded(value: str) -> str | None:
    """Read charset'language'text (RFC 2231 section 4)."""
    charset, quote, rest = value.partition("'")
    _, second, text = rest.partition("'")
    known = charset.lower() in {"us-ascii", "utf-8"}
    return _unescaped(text) if quote and second and known else None


def _unescaped(text: str) -> str | None:
    if _BAD_ESCAPE.search(text):
        return None
    data = unquote_to_bytes(text.encode("utf-8", "surrogateescape"))
    return data.decode("utf-8", "surrogateescape")
