"""Who asks: the verified principal of a request, or what the policy says where it may."""

from __future__ import annotations

from collections.abc import Sequence

from authz.domain.errors import PrincipalUnknown
from authz.domain.identity import Identity, Principal
from authz.domain.principal_source import PrincipalSource, verified_principal
from authz.domain.request import GatedRequest


class Requesters:
    """Applies HOLDGATE_PRINCIPAL_FROM and HOLDGATE_SHARED_PRINCIPALS."""

    def __init__(self, sources: Sequence[PrincipalSource], shared: frozenset[str]) -> None:
        """`shared` are identities, as `str(Identity)`, behind which there is more than one person."""
        kinds = [source.kind for source in sources]
        self.policy_may_name = "policy" in kinds
        policy = kinds.index("policy") if self.policy_may_name else len(kinds)
        self._before, self._after = sources[:policy], sources[policy + 1 :]
        self._shared = shared

    def verified(self, request: GatedRequest) -> Principal | None:
        """Return the principal that is known before the policy has answered, or None."""
        return verified_principal(request, self._before)

    def asking(self, request: GatedRequest, named: Principal | None) -> Principal | None:
        """Return the first principal in the settings' order; `named` is the policy's requester."""
        return (
            self.verified(request)
            or (named if self.policy_may_name else None)
            or verified_principal(request, self._after)
        )

    def of_hold(self, request: GatedRequest, named: Principal | None) -> Principal:
        """Return whom a hold belongs to. `named` is the policy's requester. Raises PrincipalUnknown."""
        principal = self.asking(request, named)
        if principal is None:
            msg = "no source of HOLDGATE_PRINCIPAL_FROM gave a principal"
            raise PrincipalUnknown(msg)
        if self.is_shared(principal.identity):
            msg = f"{principal.identity} is one of HOLDGATE_SHARED_PRINCIPALS"
            raise PrincipalUnknown(msg)
        return principal

    def is_shared(self, identity: Identity) -> bool:
        """Say whether several people stand behind this identity."""
        return str(identity) in self._shared
