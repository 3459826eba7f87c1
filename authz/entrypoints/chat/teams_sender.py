"""Who did something in Teams, and where."""

from __future__ import annotations

from authz.adapters.bot_framework.activity import Activity
from authz.adapters.teams_bot.place import Place, room_of
from authz.domain.identity import Identity, is_identity_part
from authz.services.voting import SignedIn

METHOD = "teams"
PERSONAL = "personal"
NOBODY = "Teams doesn't say by which account of this organization you do this, so it can't count."


def identity_of(activity: Activity, tenant: str) -> Identity | None:
    """Return the sender's account at Entra, None for guests of other organizations, bots and connectors.

    Every activity that comes this far is of `tenant`.
    """
    oid = activity.aad_object_id
    return Identity(tenant, oid) if is_identity_part(oid) else None


def signed_in(activity: Activity, identity: Identity) -> SignedIn:
    """Return the sender as somebody whom Teams vouches for."""
    return SignedIn(identity, activity.from_name, METHOD, activity.timestamp_ms)


def callback_of(activity: Activity) -> str:
    """Return what no other press or command has: an activity's id is given once in its conversation alone."""
    return f"{activity.conversation_id} {activity.aad_object_id} {activity.id}"


def place_of(activity: Activity) -> Place:
    """Return where it was done, as cards are remembered."""
    if activity.conversation_type == PERSONAL:
        return Place(activity.aad_object_id, personal=True)
    return Place(room_of(activity.conversation_id))
