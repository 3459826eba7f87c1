"""`parsed_body` and `truncated_body`: the body as policies see it. JSON so far; forms and multipart come next."""

from __future__ import annotations

import orjson

from authz.domain.body import LENGTH_DIGITS
from authz.domain.errors import BadRequest
from authz.domain.request import GatedRequest


def parsed_body(request: GatedRequest) -> tuple[object, bool]:
    """Return the parsed JSON body (None where there is none, or another kind) and whether Envoy cut it.

    A valid body is passed on as its own bytes, so that OPA reads exactly the numbers and strings that were sent.

    Raises BadRequest when a body that calls itself JSON is not.
    """
    # Doubled, they are judged as Envoy's plain map joins them, whichever way they came.
    types = b",".join(request.values("content-type"))
    if b"application/json" not in types.lower() or not request.body:
        return None, bool(request.partial)
    if request.partial or _cut(request):
        return None, True
    try:
        orjson.loads(request.body)
    except orjson.JSONDecodeError as error:
        msg = "the body calls itself application/json and is not"
        raise BadRequest(msg) from error
    return orjson.Fragment(request.body), False


def _cut(request: GatedRequest) -> bool:
    lengths = request.values("content-length")
    if not lengths:
        return False
    if not lengths[0].isdigit() or len(lengths[0]) > LENGTH_DIGITS:
        msg = "the content-length is not a number"
        raise BadRequest(msg)
    return int(lengths[0]) > len(request.body)
