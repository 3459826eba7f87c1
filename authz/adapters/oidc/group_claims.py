"""The groups that an ID token tells of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from authz.domain.errors import SignInFailed

GROUPS_MAX: Final = 1000
GROUP_LENGTH_MAX: Final = 256


def groups_of(claims: Mapping[str, object], claim: str) -> tuple[str, ...]:
    """Return the groups of a verified ID token; none where it has no such claim. Raises SignInFailed.

    A provider that leaves them out because they are too many says where to ask instead (`_claim_names`, OpenID Connect
    Core 5.6.2; Entra: `hasgroups`). Taking that for no groups would be wrong in silence.
    """
    elsewhere = claims.get("_claim_names")
    if claims.get("hasgroups") or (isinstance(elsewhere, Mapping) and claim in elsewhere):
        what = (
            f"You are in more groups than the identity provider puts into an ID token, so it left out {claim}. "
            "Have it send only the groups that are assigned to this application."
        )
        raise SignInFailed("groups-overage", what)
    found = claims.get(claim, [])
    groups = [found] if isinstance(found, str) else found
    if not isinstance(groups, list) or len(groups) > GROUPS_MAX or not all(map(_is_name, groups)):
        what = f"The identity provider's claim {claim} is no list of at most {GROUPS_MAX} names of groups."
        raise SignInFailed("groups-invalid", what)
    return tuple(groups)


def _is_name(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= GROUP_LENGTH_MAX
