"""Changes to headers and query that a policy asks for, as plain names and values."""

from __future__ import annotations

from dataclasses import dataclass

NameValues = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Mutations:
    """What an allow changes on the way up, and on the way back (`response_headers`)."""

    headers: NameValues = ()
    remove_headers: tuple[str, ...] = ()
    response_headers: NameValues = ()
    set_query: NameValues = ()
    remove_query: tuple[str, ...] = ()
