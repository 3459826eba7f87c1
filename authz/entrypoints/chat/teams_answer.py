"""What an `adaptiveCard/action` is answered with: an invoke response of Universal Actions, in an HTTP 200.

https://learn.microsoft.com/adaptive-cards/authoring-cards/universal-action-model#response-format
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from starlette.responses import JSONResponse

from authz.adapters.cards.text import one_line
from authz.adapters.teams.envelope import CARD_CONTENT_TYPE
from authz.adapters.teams_bot.card import SENTENCE_MAX

_MESSAGE: Final = "application/vnd.microsoft.activity.message"
_ERROR: Final = "application/vnd.microsoft.error"


def with_card(card: Mapping[str, object]) -> JSONResponse:
    """Show this card in the place of the pressed one, to who pressed it alone."""
    return JSONResponse({"statusCode": 200, "type": CARD_CONTENT_TYPE, "value": card})


def with_sentence(sentence: str) -> JSONResponse:
    """Tell who pressed a sentence, and leave the card as it is."""
    return JSONResponse({"statusCode": 200, "type": _MESSAGE, "value": one_line(sentence, SENTENCE_MAX)})


def with_error(status: int, sentence: str) -> JSONResponse:
    """Say that this press can't be handled: 400 for what it says, 500 for a failure of ours."""
    code = "BadRequest" if status < 500 else "InternalServerError"  # noqa: PLR2004 - as HTTP has it
    return JSONResponse({"statusCode": status, "type": _ERROR, "value": {"code": code, "message": sentence}})
