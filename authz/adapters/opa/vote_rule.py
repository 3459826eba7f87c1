"""The operator's rule about who may act, at HOLDGATE_OPA_VOTE_PATH."""

from __future__ import annotations

from collections.abc import Mapping

from authz.adapters.opa.client import OpaClient
from authz.domain.errors import PolicyMalformed
from authz.domain.identity import Actor
from authz.domain.timestamps import rfc3339
from authz.services.permissions import Action, Permission

_REASON_MAX = 300


class OpaVoteRule:
    """Asks a rule below /v1/data with `{action, actor, ticket}`; it answers a boolean or `{allow, reason}`."""

    def __init__(self, client: OpaClient, path: str) -> None:
        """`path` must have an answer for every input: undefined is an error, and neither yes nor no."""
        self._client = client
        self._path = path

    async def permits(
        self, action: Action, actor: Actor, subject: Mapping[str, object], timeout: float
    ) -> Permission:
        """See VoteRule."""
        document: dict[str, object] = {"action": action.value, "actor": _actor(actor)}
        if subject:  # what is about no ticket has none
            document["ticket"] = subject
        answer = await self._client.query(self._path, document, timeout)
        match answer.result:
            case bool() as allowed if answer.defined:
                return Permission(allowed)
            case {"allow": bool() as allowed, **rest} if rest.keys() <= {"reason"}:
                reason = rest.get("reason", "")
                if isinstance(reason, str):
                    return Permission(allowed, reason[:_REASON_MAX])
        msg = f"HOLDGATE_OPA_VOTE_PATH: {self._path} answered neither true or false nor {{allow, reason}}"
        raise PolicyMalformed(msg)

    async def defined(self, timeout: float) -> bool:
        """Say whether the rule has an answer at all. Raises PolicyUnavailable and PolicyMalformed."""
        nobody = {"ns": "holdgate", "id": "ready", "groups": []}
        return (await self._client.query(self._path, {"action": "audit", "actor": nobody}, timeout)).defined


def _actor(actor: Actor) -> dict[str, object]:
    when = {"signed_in_at": rfc3339(actor.signed_in_at)} if actor.signed_in_at else {}
    return when | {
        "ns": actor.identity.ns,
        "id": actor.identity.id,
        "name": actor.name,
        "person": actor.person.id if actor.person else "",
        "groups": sorted(actor.groups),
        "method": actor.method,
    }
