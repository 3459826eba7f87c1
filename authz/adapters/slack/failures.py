"""What follows for a delivery from what Slack answered, with what an operator can do about it."""

from __future__ import annotations

from typing import Final

from authz.adapters.http_post.answer import PAUSE_MAX_S
from authz.adapters.slack.web import RATE_LIMITED, UNREACHABLE, ApiFailed
from authz.services.card_ports import CardGone
from authz.services.ports import ChannelFailed, DeliveryDelayed, DeliveryRefused

_PASSING: Final = frozenset(
    {
        "accesslimited",
        "fatal_error",
        "internal_error",
        "request_timeout",
        "service_unavailable",
        "team_added_to_org",
    }
)
"""Slack's own trouble."""

_GONE: Final = frozenset(
    {
        "cannot_reply_to_message",
        "cant_update_message",
        "channel_not_found",
        "edit_window_closed",
        "is_archived",
        "is_inactive",
        "message_not_found",
        "not_in_channel",
        "thread_not_found",
    }
)
"""For a message that was posted: nobody can change it any more, or nobody sees it."""

_INVITE: Final = "invite the app into the channel (/invite @Holdgate there), or correct `channel`"
_CREDENTIAL: Final = (
    "take the Bot User OAuth Token of the app's page, and install the app again if it is revoked"
)
_ADVICE: Final = {
    "account_inactive": _CREDENTIAL,
    "cannot_dm_bot": "the directory's account of this person is a bot",
    "channel_not_found": f"{_INVITE}; it is the id of a channel, not its name",
    "invalid_auth": _CREDENTIAL,
    "is_archived": "take the channel out of the archive, or name another",
    "missing_scope": "give the app the scopes of deploy/slack/manifest.yaml and install it again",
    "not_authed": _CREDENTIAL,
    "not_in_channel": _INVITE,
    "restricted_action": "an administrator of the workspace has to let the app post there",
    "token_expired": _CREDENTIAL,
    "token_revoked": _CREDENTIAL,
    "user_disabled": "the directory's account of this person is switched off in Slack",
    "user_not_found": "correct the Slack account of this person in the directory",
}


def failure(error: ApiFailed, *, posted: bool = False) -> ChannelFailed:
    """Return what to raise. `posted` says that it was about a message which was there."""
    if error.code == RATE_LIMITED:
        if error.after_s > PAUSE_MAX_S:
            return DeliveryRefused(f"{error} and asks to wait {error.after_s:.0f} s: no ticket lives so long")
        return DeliveryDelayed(str(error), error.after_s)
    if error.code in _PASSING or error.code.startswith(UNREACHABLE):
        return DeliveryDelayed(str(error))
    if posted and error.code in _GONE:
        return CardGone(str(error))
    advice = _ADVICE.get(error.code)
    return DeliveryRefused(f"{error}: {advice}" if advice else str(error))
