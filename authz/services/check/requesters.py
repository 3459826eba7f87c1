"""Who asks: the verified principal of a request, or what the policy says where it may."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from authz.domain.errors import PrincipalUnknown
from authz.domain.identity import Identity, Principal
from authz.domain.principal_source import PrincipalSource, verified_principal
from authz.domain.request import GatedRequest

ANONYMOUS: Final = Principal(Identity("holdgate", "anonymous"), "anonymous")
"""Nobody in particular. The namespace is ours: no source of principals gives it."""


@dataclass(frozen=True, slots=True)
class Requester:
    """Whom a hold belongs to. `shared` where several people may stand behind the principal, or nobody knows who.

    `quota_key` is then the source address, and else empty: the principal itself is counted.
    """

    principal: Principal
    shared: bool = False
    quota_key: str = ""


class Requesters:
    """Applies HOLDGATE_PRINCIPAL_FROM, HOLDGATE_SHARED_PRINCIPALS and HOLDGATE_ANONYMOUS_HOLDS."""

    def __init__(
        self, sources: Sequence[PrincipalSource], shared: frozenset[str], *, anonymous: bool = False
    ) -> None:
        """`shared` are identities, as `str(Identity)`, behind which there is more than one person."""
        kinds = [source.kind for source in sources]
        self.policy_may_name = "policy" in kinds
        policy = kinds.index("policy") if self.policy_may_name else len(kinds)
        self._before, self._after = sources[:policy], sources[policy + 1 :]
        self._shared = shared
        self._anonymous = anonymous

    def verified(self, request: GatedRequest) -> Principal | None:
        """Return the principal that is known before the policy has answered, or None."""
        return verified_principal(request, self._before)

    def asking(self, request: GatedRequest, named: Principal | None) -> Principal | None:
        """Return the first principal in the settings' order; `named` is the policy's requester.

        ANONYMOUS where there is none and holds of nobody are allowed.
        """
        return (
            self.verified(request)
            or (named if self.policy_may_name else None)
            or verified_principal(request, self._after)
            or (ANONYMOUS if self._anonymous else None)
        )

    def of_hold(self, request: GatedRequest, named: Principal | None) -> Requester:
        """Return whom a hold belongs to. `named` is the policy's requester. Raises PrincipalUnknown."""
        principal = self.asking(request, named)
        if principal is None:
            msg = "no source of HOLDGATE_PRINCIPAL_FROM gave a principal"
            raise PrincipalUnknown(msg)
        if principal != ANONYMOUS and not self.is_shared(principal.identity):
            return Requester(principal)
        if not self._anonymous:
            msg = f"{principal.identity} is one of HOLDGATE_SHARED_PRINCIPALS"
            raise PrincipalUnknown(msg)
        return Requester(principal, shared=True, quota_key=f"address:{request.source_address}")

    def is_shared(self, identity: Identity) -> bool:
        """Say whether several people stand behind this identity."""
        return str(identity) in self._shared
