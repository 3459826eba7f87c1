"""How values of settings are written: the types that the fields of `Settings` are made of, and their readers.

Every reader raises ValueError with a sentence for the operator. None repeats a value that may be a secret.
"""

from __future__ import annotations

import re
from base64 import b64decode
from typing import Annotated, Literal
from urllib.parse import SplitResult, unquote, urlsplit

import yaml
from pydantic import BeforeValidator, Field
from pydantic_settings import NoDecode

from authz.domain.approver import Approver, ApproverKind
from authz.domain.duration import parse_duration
from authz.domain.identity import Identity
from authz.domain.principal_source import parse_principal_source
from authz.domain.reserved_headers import is_reserved
from authz.domain.token import TicketKey

_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}", re.ASCII)
_REDIS_SCHEME = re.compile(r"(rediss?(\+(sentinel|cluster))?|unix)://", re.ASCII)


def _milliseconds(value: object) -> int:
    if not isinstance(value, str):
        msg = f"{value!r:.80} has no unit; write durations as Go does, for example 150ms or 30m"
        raise ValueError(msg)  # noqa: TRY004 - pydantic collects ValueErrors
    return parse_duration(value)


def _listed(value: object) -> object:
    return [item.strip() for item in value.split(",") if item.strip()] if isinstance(value, str) else value


def _number(value: object) -> object:
    return int(value) if isinstance(value, str) and value.isascii() and value.isdigit() else value


def _mapped(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        parsed = yaml.safe_load(value)
    except yaml.YAMLError:
        parsed = None
    if not isinstance(parsed, dict):
        msg = "must be an object, in JSON or YAML"
        raise ValueError(msg)  # noqa: TRY004 - pydantic collects ValueErrors
    return parsed


# Milliseconds inside, written as Go writes durations. A timeout is one that must leave some time.
Duration = Annotated[int, BeforeValidator(_milliseconds), Field(ge=0)]
Timeout = Annotated[int, BeforeValidator(_milliseconds), Field(ge=1)]
Names = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_listed)]
HeldStatus = Annotated[Literal[202, 403, 428, 503], BeforeValidator(_number)]
# Read from text by us: the library's own error would repeat it, and a channel's URL is a secret.
FromText = BeforeValidator(_mapped)


def check_sources(value: tuple[str, ...]) -> tuple[str, ...]:
    """Refuse an entry that is no source of principals."""
    for entry in value:
        parse_principal_source(entry)
    return value


def check_opa_url(value: str) -> str:
    """Refuse what is no http://, https:// or unix:// URL, and credentials in it, which would be logged."""
    parts = _split(value)
    if parts.scheme == "unix" and not parts.netloc and len(parts.path) > 1:
        return value
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
        msg = "must be http://HOST:PORT, https://HOST:PORT or unix:///PATH"
        raise ValueError(msg)
    return value


def check_public_url(value: str) -> str:
    """Refuse what people couldn't follow as the beginning of a link."""
    parts = _split(value)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
        msg = "must begin with http:// or https://, name a host, and have neither query nor fragment"
        raise ValueError(msg)
    return value


def check_redis_url(value: str) -> str:
    """Refuse another scheme than Redis's. The value is a secret and never repeated."""
    if not _REDIS_SCHEME.match(value):
        msg = "must begin with redis://, redis+sentinel:// or redis+cluster:// (rediss… for TLS), or unix://"
        raise ValueError(msg)
    return value


def check_header_names(value: tuple[str, ...]) -> tuple[str, ...]:
    """Refuse what can't be a header's name: it would bind nothing. So would our own, which no first try has."""
    for name in value:
        if not _HEADER_NAME.fullmatch(name) or is_reserved(name):
            msg = f"{name!r} is not the name of a header that a ticket can be bound to"
            raise ValueError(msg)
    return value


def check_identities(value: tuple[str, ...]) -> tuple[str, ...]:
    """Refuse an identity that isn't spelled as it is compared: it would never match, and nobody would know."""
    for entry in value:
        ns, colon, identifier = entry.partition(":")
        spelled = str(Identity(unquote(ns), unquote(identifier)))
        if not (ns and colon and identifier) or spelled != entry:
            msg = f"{entry!r} must be NS:ID, both percent-encoded" + (f": {spelled}" if colon else "")
            raise ValueError(msg)
    return value


def parse_keys(text: str) -> tuple[TicketKey, ...]:
    """Read NAME:BASE64URL, comma-separated.

    An error names an entry by its place, because any part of it may be the secret.
    """
    keys: list[TicketKey] = []
    for place, entry in enumerate(filter(None, (part.strip() for part in text.split(","))), start=1):
        kid, _, encoded = entry.partition(":")
        try:
            padded = encoded + "=" * (-len(encoded) % 4)
            keys.append(TicketKey(kid, b64decode(padded, altchars=b"-_", validate=True)))
        except ValueError as error:
            msg = (
                f"entry {place} is not NAME:BASE64URL with a name of 1 to 16 characters of a-z and 0-9 "
                "and at least 32 bytes"
            )
            raise ValueError(msg) from error
    if len({key.kid for key in keys}) < len(keys):
        msg = "two keys have the same name"
        raise ValueError(msg)
    return tuple(keys)


def parse_approver(text: str) -> Approver:
    """Read `group:NAME` or `any`."""
    kind, _, name = text.partition(":")
    if text == "any":
        return Approver(ApproverKind.ANY)
    if kind == "group" and name:
        return Approver(ApproverKind.GROUP, group=name)
    msg = f"{text!r} is not group:NAME or any"
    raise ValueError(msg)


def _split(value: str) -> SplitResult:
    """Split a URL that must hold no credentials. The value isn't repeated: it may hold some."""
    parts = urlsplit(value)
    if "@" in parts.netloc:
        msg = "must not hold a user or a password"
        raise ValueError(msg)
    return parts
