"""Persons and their groups as OPA data, behind the Directory port."""

from __future__ import annotations

from typing import Final

from authz.adapters.opa.client import OpaClient
from authz.domain.errors import PolicyMalformed
from authz.domain.identity import Identity, Person, is_identity_part

SOURCE = "opa"

ACCOUNTS_MAX: Final = 20
"""Accounts by which one person can be reached."""


class OpaDirectory:
    """Asks HOLDGATE_OPA_DIRECTORY_PATH who stands behind an identity."""

    def __init__(self, client: OpaClient, path: str) -> None:
        """`path` is a rule below /v1/data that answers `{ns, id}` with `{id, name, groups}`, or is undefined.

        It may add `linked: false` for a person whose other accounts it doesn't know, and `accounts: [{ns, id}, …]` by
        which the person can be reached in chats.
        """
        self._client = client
        self._path = path

    async def person(self, identity: Identity, timeout: float) -> Person | None:
        """See the port. Raises PolicyMalformed too, when the rule answers something else than a person."""
        answer = await self._client.query(self._path, {"ns": identity.ns, "id": identity.id}, timeout)
        if not answer.defined:
            return None
        match answer.result:
            case {"id": str(identifier), "name": str(name), "groups": list(groups), **rest} if (
                identifier and all(isinstance(group, str) for group in groups)
            ):
                linked = rest.get("linked", True)
                accounts = _accounts(rest.get("accounts", []))
                if isinstance(linked, bool) and accounts is not None:
                    return Person(identifier, name, frozenset(groups), SOURCE, linked, accounts)
        msg = (
            f"directory: {self._path} answered something else than {{id, name, groups: [...], linked?: bool, "
            f"accounts?: at most {ACCOUNTS_MAX} of {{ns, id}}}}"
        )
        raise PolicyMalformed(msg)


def _accounts(listed: object) -> tuple[Identity, ...] | None:
    """Return the accounts of an answer, each once, None when it has something else there."""
    if not isinstance(listed, list) or len(listed) > ACCOUNTS_MAX:
        return None
    accounts: list[Identity] = []
    for entry in listed:
        match entry:
            case {"ns": ns, "id": identifier} if is_identity_part(ns) and is_identity_part(identifier):
                accounts.append(Identity(ns, identifier))
            case _:
                return None
    return tuple(dict.fromkeys(accounts))
