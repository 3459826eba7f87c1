"""The console's sessions, in the Redis of the tickets."""

from __future__ import annotations

from base64 import b64decode, b64encode
from hashlib import sha256
from typing import Final

import orjson

from authz.adapters.redis.script import packaged
from authz.adapters.redis.store import RedisTicketStore
from authz.domain.errors import RecordUnreadable
from authz.domain.identity import Identity
from authz.services.sessions import Session, SessionLimits
from authz.services.voting import SignedIn

PREFIX: Final = "{holdgate:sessions}:"
"""One hash tag for all of them, so that what one person has can be counted."""

PER_PERSON_MAX: Final = 10

_VERSION = 1
_MS = 1000
_START = packaged("session_start", prelude=False)
_USE = packaged("session_use", prelude=False)
_END = packaged("session_end", prelude=False)


class RedisSessionStore:
    """A SessionStore, shared by all consoles. Times are Redis's; what ends is gone by its TTL."""

    def __init__(self, tickets: RedisTicketStore, limits: SessionLimits) -> None:
        """Share the connections, and the look at the server, of the ticket store."""
        self._tickets = tickets
        self._idle_ms = int(limits.idle * _MS)
        self._absolute_ms = int(limits.absolute * _MS)

    async def start(self, name: bytes, session: Session) -> None:
        """See SessionStore. Of one person's, beyond PER_PERSON_MAX, the oldest ends."""
        await self._tickets.trust()
        args = (
            _encode(session),
            name.hex(),
            _key(""),
            self._idle_ms,
            self._absolute_ms,
            PER_PERSON_MAX,
        )
        keys = (_key(name.hex()), _of(session.signed_in.identity))
        await self._tickets.link.run(_START, keys, args)

    async def find(self, name: bytes) -> Session | None:
        """See SessionStore. Raises RecordUnreadable for what another release stored."""
        found = await self._tickets.link.run(_USE, [_key(name.hex())], [self._idle_ms])
        return _decode(found) if isinstance(found, bytes) else None

    async def end(self, name: bytes) -> None:
        """See SessionStore."""
        await self._tickets.link.run(_END, [_key(name.hex())], [name.hex()])


def _key(name: str) -> str:
    return f"{PREFIX}session:{name}"


def _of(identity: Identity) -> str:
    return f"{PREFIX}of:{sha256(str(identity).encode()).hexdigest()}"


def _encode(session: Session) -> bytes:
    who = session.signed_in
    return orjson.dumps(
        {
            "v": _VERSION,
            "key": b64encode(session.key).decode(),
            "ns": who.identity.ns,
            "id": who.identity.id,
            "name": who.name,
            "method": who.method,
            "signed_in_at": who.signed_in_at,
            "groups": who.groups,
            "groups_at": who.groups_at,
        }
    )


def _decode(data: bytes) -> Session:
    try:
        found = orjson.loads(data)
        if found["v"] != _VERSION:
            raise RecordUnreadable(f"a session of version {found['v']!r:.20}; this release reads {_VERSION}")
        identity = Identity(found["ns"], found["id"])
        groups = found.get("groups")
        signed_in = SignedIn(
            identity,
            found["name"],
            found["method"],
            found["signed_in_at"],
            None if groups is None else tuple(groups),
            found.get("groups_at", 0),
        )
        return Session(signed_in, b64decode(found["key"], validate=True))
    except (ValueError, KeyError, TypeError) as error:
        raise RecordUnreadable("a session can't be read") from error
