"""The decision path behind the PolicyEngine port."""

from __future__ import annotations

from collections.abc import Mapping

from authz.adapters.opa.client import OpaClient
from authz.domain.errors import PolicyMalformed
from authz.services.ports import PolicyReply


class OpaPolicyEngine:
    """Asks HOLDGATE_OPA_DECISION_PATH."""

    def __init__(self, client: OpaClient, decision_path: str) -> None:
        """`decision_path` is a path below /v1/data, such as `envoy/authz/allow`."""
        self._client = client
        self._path = decision_path

    async def decide(self, document: Mapping[str, object], timeout: float) -> PolicyReply:
        """See the port. An undefined decision is a policy error: nothing said yes, and nothing said no."""
        answer = await self._client.query(self._path, document, timeout)
        if not answer.defined:
            msg = f"the decision data.{self._path.replace('/', '.')} is undefined; define it, with a default"
            raise PolicyMalformed(msg)
        return PolicyReply(answer.result, answer.decision_id)
