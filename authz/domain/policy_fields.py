"""Reading single fields of what a policy says: the right type within its bound, or an error that names it."""

from __future__ import annotations

import re
from collections.abc import Mapping

from authz.domain.described_value import described
from authz.domain.duration import format_duration, parse_duration
from authz.domain.errors import PolicyMalformed
from authz.domain.identity import MAX_ID_LENGTH, Identity, is_identity_part

_SLUG = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?", re.ASCII)
_KEYS_NAMED = 5


def mapping(value: object, where: str) -> Mapping[str, object]:
    """Return an object. Raises PolicyMalformed."""
    if not isinstance(value, Mapping):
        msg = f"{where}: {described(value)} must be an object"
        raise PolicyMalformed(msg)
    return value


def array(value: object, where: str, limit: int) -> list[object]:
    """Return an array of at most `limit` entries. Raises PolicyMalformed."""
    if not isinstance(value, list):
        msg = f"{where}: {described(value)} must be an array"
        raise PolicyMalformed(msg)
    if len(value) > limit:
        msg = f"{where}: {len(value)} entries; {limit} is the limit"
        raise PolicyMalformed(msg)
    return value


def only(fields: Mapping[str, object], known: frozenset[str], where: str) -> None:
    """Raise PolicyMalformed for a key that isn't known: it may be what restricts the hold."""
    unknown = sorted(fields.keys() - known)
    if unknown:
        named = ", ".join(described(key) for key in unknown[:_KEYS_NAMED])
        more = f" and {len(unknown) - _KEYS_NAMED} more" if len(unknown) > _KEYS_NAMED else ""
        msg = f"{where}: unknown [{named}]{more}; known are {sorted(known)}"
        raise PolicyMalformed(msg)


def slug(value: object, where: str) -> str:
    """Return a name that can stand in metrics and logs. Raises PolicyMalformed."""
    if not isinstance(value, str) or not _SLUG.fullmatch(value):
        msg = f"{where}: {described(value)} must be a slug of a-z, 0-9 and dashes, at most 64 characters"
        raise PolicyMalformed(msg)
    return value


def text(value: object, where: str, limit: int) -> str:
    """Return a string of at most `limit` characters. Raises PolicyMalformed."""
    if not isinstance(value, str):
        msg = f"{where}: {described(value)} must be a string"
        raise PolicyMalformed(msg)
    if len(value) > limit:
        msg = f"{where}: {len(value)} characters; {limit} is the limit"
        raise PolicyMalformed(msg)
    return value


def one_of(value: object, choices: tuple[str, ...], where: str) -> str:
    """Return one of the choices. Raises PolicyMalformed."""
    if not isinstance(value, str) or value not in choices:
        msg = f"{where}: {described(value)} must be one of {', '.join(choices)}"
        raise PolicyMalformed(msg)
    return value


def count(value: object, where: str, limit: int) -> int:
    """Return a whole number from 1 to `limit`. Raises PolicyMalformed."""
    # bool is an int in Python; JSON's 1.0 is a float and not a count.
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= limit:
        msg = f"{where}: {described(value)} must be a whole number from 1 to {limit}"
        raise PolicyMalformed(msg)
    return value


def duration(value: object, where: str, limit: int, *, least: int = 1) -> int:
    """Return milliseconds from `least` to `limit`, read as Go writes durations. Raises PolicyMalformed."""
    if not isinstance(value, str):
        msg = f"{where}: {described(value)} must be a duration such as 30m"
        raise PolicyMalformed(msg)
    try:
        milliseconds = parse_duration(value, described(value))
    except ValueError as error:
        msg = f"{where}: {error}"
        raise PolicyMalformed(msg) from error
    if not least <= milliseconds <= limit:
        bound = "more than 0s" if least else "at least 0s"
        msg = f"{where}: {value} must be {bound} and at most {format_duration(limit)}"
        raise PolicyMalformed(msg)
    return milliseconds


def route(value: object, routes: frozenset[str], where: str) -> str:
    """Return the name of a route that the settings have. Raises PolicyMalformed."""
    if not isinstance(value, str) or value not in routes:
        msg = f"{where}: {described(value)} is no route in the settings; there are {sorted(routes)}"
        raise PolicyMalformed(msg)
    return value


def identity(value: object, where: str) -> Identity:
    """Return `{ns, id}` as an identity. Raises PolicyMalformed."""
    entry = mapping(value, where)
    only(entry, frozenset({"ns", "id"}), where)
    ns, identifier = entry.get("ns"), entry.get("id")
    if not (is_identity_part(ns) and is_identity_part(identifier)):
        msg = f"{where}: both ns and id are needed, as strings of 1 to {MAX_ID_LENGTH} characters"
        raise PolicyMalformed(msg)
    return Identity(ns, identifier)


def lines(value: object, where: str, limit: int, longest: int) -> tuple[tuple[str, str], ...]:
    """Return the (title, value) lines that a policy wants shown. Raises PolicyMalformed."""
    shown = []
    for i, item in enumerate(array(value, where, limit)):
        entry = mapping(item, f"{where}[{i}]")
        only(entry, frozenset({"title", "value"}), f"{where}[{i}]")
        title = text(entry.get("title"), f"{where}[{i}].title", longest)
        shown.append((title, text(entry.get("value"), f"{where}[{i}].value", longest)))
    return tuple(shown)
