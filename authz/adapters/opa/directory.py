"""Persons and their groups as OPA data, behind the Directory port."""

from __future__ import annotations

from authz.adapters.opa.client import OpaClient
from authz.domain.errors import PolicyMalformed
from authz.domain.identity import Identity, Person

SOURCE = "opa"


class OpaDirectory:
    """Asks HOLDGATE_OPA_DIRECTORY_PATH who stands behind an identity."""

    def __init__(self, client: OpaClient, path: str) -> None:
        """`path` is a rule below /v1/data that answers `{ns, id}` with `{id, name, groups}`, or is undefined.

        It may add `linked: false` for a person whose other accounts it doesn't know.
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
                if isinstance(linked, bool):
                    return Person(identifier, name, frozenset(groups), SOURCE, linked)
        msg = (
            f"directory: {self._path} answered something else than {{id, name, groups: [...], linked?: bool}}"
        )
        raise PolicyMalformed(msg)
