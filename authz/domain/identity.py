"""Who somebody is: identities, the principal of a request, and the person behind them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeGuard
from urllib.parse import quote

# Longer than any issuer's ids, and bounded because they are stored with every ticket and vote.
MAX_ID_LENGTH = 512


@dataclass(frozen=True, slots=True)
class Identity:
    """A stable key that an issuer vouches for: `(iss, sub)`, `(tid, oid)`, `(team, user)`, a SPIFFE id.

    Never an e-mail address or a display name: both change hands.
    """

    ns: str
    id: str

    def __str__(self) -> str:
        """`ns:id` with everything outside RFC 3986 unreserved percent-encoded: safe in headers and logs."""
        return f"{quote(self.ns, safe='')}:{quote(self.id, safe='')}"


def is_identity_part(value: object) -> TypeGuard[str]:
    """Say whether a value can be the `ns` or the `id` of an identity: a string, not empty, not too long."""
    return isinstance(value, str) and 0 < len(value) <= MAX_ID_LENGTH


@dataclass(frozen=True, slots=True)
class Principal:
    """Who sends a request, from verified data only. `name` is for showing and proves nothing."""

    identity: Identity
    name: str = ""

    @property
    def shown(self) -> str:
        """What a card or page calls this principal."""
        return self.name or self.identity.id


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody the directory knows, possibly under several identities.

    `groups` are those at the moment of the look-up, and `source` says where they came from. `linked` is False where
    nothing tells which other accounts this person has. `accounts` are those by which this person can be reached in
    chats; a vote needs none of them.
    """

    id: str
    name: str
    groups: frozenset[str]
    source: str
    linked: bool = True
    accounts: tuple[Identity, ...] = ()


@dataclass(frozen=True, slots=True)
class Actor:
    """Somebody who signed in to act on a ticket.

    `person` is None when the directory knows nobody by this identity. `method` names how they signed in
    (`demo`, `oidc`, …) and `signed_in_at` when (epoch ms); 0 for the sender of a request, who didn't sign in to us.
    """

    identity: Identity
    name: str
    person: Person | None
    method: str
    signed_in_at: int

    @property
    def groups(self) -> frozenset[str]:
        """The groups that count for a vote; none for a stranger."""
        return self.person.groups if self.person else frozenset()
