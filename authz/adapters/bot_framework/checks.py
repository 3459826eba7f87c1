"""What a signed token and the activity beside it have to say, each by itself.

https://learn.microsoft.com/azure/bot-service/rest-api/bot-framework-rest-connector-authentication#bot-to-connector,
"Step 4: Verify the JWT token", and what a bot of one tenant has to add: the token names no tenant.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias, TypeGuard

from authz.adapters.bot_framework.refusal import ActivityRefused
from authz.adapters.bot_framework.settings import BotSettings
from authz.adapters.bot_framework.signing_keys import ISSUER

CHANNEL: Final = "msteams"

LEEWAY_S: Final = 300
"""How far the vendor's clock may be from ours: what it says itself, and no more."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What was proven, and what is said beside it. `now_s` is epoch seconds."""

    settings: BotSettings
    claims: Mapping[str, object]
    endorsements: frozenset[str]
    activity: Mapping[str, object]
    now_s: float


Check: TypeAlias = Callable[[Evidence], None]


def check_issuer(evidence: Evidence) -> None:
    """Refuse a token of somebody else's."""
    if evidence.claims.get("iss") != ISSUER:
        raise ActivityRefused("wrong-issuer", f"the token is not of {ISSUER}")


def check_audience(evidence: Evidence) -> None:
    """Refuse a token for another bot."""
    if evidence.claims.get("aud") != evidence.settings.app_id:
        raise ActivityRefused("wrong-audience", "the token is for another bot than this app id")


def check_times(evidence: Evidence) -> None:
    """Refuse a token before and after its time. It must have an end; a beginning is optional (RFC 7519 4.1.5)."""
    until, since = evidence.claims.get("exp"), evidence.claims.get("nbf", evidence.now_s)
    # Asked so that what is no number in any way (NaN) is refused.
    if not _is_number(until) or not evidence.now_s < until + LEEWAY_S:
        raise ActivityRefused("expired", "the token has expired, or doesn't say when it does")
    if not _is_number(since) or not since - LEEWAY_S <= evidence.now_s:
        raise ActivityRefused("not-yet-valid", "the token is of later; one of the clocks may be wrong")


def check_service_url(evidence: Evidence) -> None:
    """Refuse an activity that is to be answered elsewhere than the token says."""
    service_url = evidence.activity.get("serviceUrl")
    if not isinstance(service_url, str) or not service_url:
        raise ActivityRefused("service-url-missing", "the activity has no serviceUrl")
    if evidence.claims.get("serviceurl") != service_url:
        raise ActivityRefused("service-url-mismatch", "the activity's serviceUrl is not the token's")


def check_channel(evidence: Evidence) -> None:
    """Refuse what doesn't come through Teams: only that says who sent it by their object id."""
    if evidence.activity.get("channelId") != CHANNEL:
        raise ActivityRefused("wrong-channel", f"the activity's channelId is not {CHANNEL}")


def check_endorsement(evidence: Evidence) -> None:
    """Refuse a key of another channel's."""
    if evidence.activity.get("channelId") not in evidence.endorsements:
        raise ActivityRefused(
            "not-endorsed", "the key that signed is not endorsed for the activity's channelId"
        )


def check_tenant(evidence: Evidence) -> None:
    """Refuse what comes from another organization's tenant: the token would be as good."""
    said = (
        _inner(evidence.activity, "conversation", "tenantId"),
        _inner(evidence.activity, "channelData", "tenant", "id"),
    )
    wanted = evidence.settings.tenant_id.lower()
    if any(not isinstance(tenant, str) or tenant.lower() != wanted for tenant in said):
        raise ActivityRefused(
            "foreign-tenant", "the activity is not of this tenant, or doesn't say in both places"
        )


PROOF: Final[tuple[Check, ...]] = (
    check_issuer,
    check_audience,
    check_times,
    check_service_url,
    check_channel,
    check_endorsement,
    check_tenant,
)
"""All that a token is asked."""

PLACE: Final[tuple[Check, ...]] = (check_channel, check_tenant)
"""What can be asked without one."""


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _inner(document: Mapping[str, object], *path: str) -> object:
    found: object = document
    for name in path:
        found = found.get(name) if isinstance(found, Mapping) else None
    return found
