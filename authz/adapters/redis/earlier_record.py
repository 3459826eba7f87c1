"""Records of the format before this one, `{"v":1,…}`.

There a draft held its request's body, base64, and a requirement was one list of approvers and one route.
"""

from __future__ import annotations

import json
from base64 import b64decode

from authz.domain.errors import RecordUnreadable

_START = b'{"v":1,'


def raised(stored: bytes) -> bytes:
    """Return a record in this release's format; one that isn't of the earlier format as it is.

    Raises ValueError for one that is no JSON.
    """
    if not stored.startswith(_START):
        return stored
    document = json.loads(stored)
    match document:
        case {"value": {"request": dict(request), "requirement": dict(requirement)} as draft}:
            request.pop("body", None)
            draft["requirement"] = _requirement(requirement)
        case _:
            pass  # a vote
    return json.dumps({**document, "v": 2}, ensure_ascii=False).encode()


def body_inside(stored: bytes | None) -> bytes | None:
    """Return the body that a draft's record of the earlier format holds, None where there is none.

    Raises RecordUnreadable.
    """
    if stored is None or not stored.startswith(_START):
        return None
    try:
        return b64decode(json.loads(stored)["value"]["request"]["body"], altchars=b"-_") or None
    except (ValueError, KeyError, TypeError) as error:
        raise RecordUnreadable(f"a stored body is not one this release can read: {error!r}") from error


def _requirement(earlier: dict[str, object]) -> dict[str, object]:
    demand = {"rule": earlier.pop("rule"), "reason": earlier.pop("reason")}
    alternatives = [earlier.pop("approvers")]
    return {**earlier, "demands": [{**demand, "alternatives": alternatives}], "notify": [earlier["notify"]]}
