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
        self._sources = sources
        self._shared = shared
        self.policy_may_name = any(source.kind == "policy" for source in sources)

    def verified(self, request: GatedRequest) -> Principal | None:
        """Return the principal that Envoy verified, or None."""
        return verified_principal(request, self._sources)

    def of_hold(self, request: GatedRequest, named: Principal | None) -> Principal:
        """Return whom a hold belongs to. `named` is the policy's requester. Raises PrincipalUnknown."""
        principal = self.verified(request) or (named if self.policy_may_name else None)
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
