"""Why somebody asks, in their own words: the header `x-approval-justification`."""

from __future__ import annotations

from authz.domain.errors import BadRequest
from authz.domain.request import GatedRequest
from authz.domain.reserved_headers import JUSTIFICATION

JUSTIFICATION_MAX = 500
"""Characters. It stands on a card beside everything else that an approver has to read."""


def justification_of(request: GatedRequest) -> str:
    """Return the text, stripped, empty where there is none. It is untrusted wherever it is shown.

    Raises BadRequest for more than one, for a text that is too long, and for one that isn't UTF-8.
    """
    values = request.values(JUSTIFICATION)
    if len(values) > 1:
        msg = "x-approval-justification was sent more than once"
        raise BadRequest(msg)
    try:
        text = values[0].decode().strip() if values else ""
    except UnicodeDecodeError:
        msg = "x-approval-justification is not UTF-8"
        raise BadRequest(msg) from None
    if len(text) > JUSTIFICATION_MAX:
        msg = f"x-approval-justification is longer than {JUSTIFICATION_MAX} characters"
        raise BadRequest(msg)
    return text
