"""What somebody sees whose action was recorded: the page of what they acted on, where they may look at it."""

from __future__ import annotations

from collections.abc import Awaitable

import structlog
from starlette.responses import RedirectResponse, Response

from authz.domain.errors import PolicyMalformed, Unavailable
from authz.domain.ticket import Choice
from authz.entrypoints.console.pages import Viewer, page

VOTE, WITHDRAW, CANCEL, REVOKE, REVIEW = "vote", "withdraw", "cancel", "revoke", "review"

_TITLES = {
    Choice.APPROVE.value: "Your approval was recorded",
    Choice.REJECT.value: "Your rejection was recorded",
    WITHDRAW: "Your vote was withdrawn",
    CANCEL: "The request was cancelled",
    REVOKE: "The approval was revoked",
    REVIEW: "Your review was recorded",
}

log = structlog.get_logger("holdgate.console")


async def after(done: str, viewer: Viewer, address: str, may_look: Awaitable[bool]) -> Response:
    """Go to `address`, or say plainly that it was recorded to whom may do a thing and not look at it.

    It was recorded whatever follows: a question about looking that gets no answer must not read as if it had not been.
    """
    try:
        looks = await may_look
    except (Unavailable, PolicyMalformed) as error:
        log.warning("console.view_unknown", error=type(error).__name__)
        looks = False
    if looks:
        return RedirectResponse(address, 303)
    return page("recorded.html", viewer, {"title": _TITLES[done]})
