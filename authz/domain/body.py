"""Whether the body in a Check is the whole body: what was not seen can't be approved."""

from __future__ import annotations

from authz.domain.errors import BodyNotVisible
from authz.domain.request import GatedRequest

# More digits than any body has, and few enough to convert at no cost.
LENGTH_DIGITS = 18


def visible_body(request: GatedRequest) -> bytes:
    """Return the body if it is certain that Envoy showed all of it.

    Content-length, where present, must equal what arrived. Without one the body must be shorter than the limit:
    a chunked body that pauses exactly at `max_request_bytes` arrives unmarked although more follows (measured).

    Raises BodyNotVisible with the reason otherwise.
    """
    if request.body_limit <= 0:
        msg = "Envoy buffers no body on this route"
        raise BodyNotVisible(msg)
    if request.method == "CONNECT" or request.values("upgrade"):
        msg = "an upgraded connection has no body that could be checked beforehand"
        raise BodyNotVisible(msg)
    if request.partial:
        msg = f"the body is longer than the {request.body_limit} bytes that Envoy buffers"
        raise BodyNotVisible(msg)
    if not request.raw_body and b"!" in request.body:
        msg = "the body was sent as text and may hide bytes outside UTF-8; set pack_as_bytes: true"
        raise BodyNotVisible(msg)
    _match_length(request)
    return request.body


def _match_length(request: GatedRequest) -> None:
    lengths = request.values("content-length")
    arrived = len(request.body)
    if not lengths:
        if arrived >= request.body_limit:
            msg = f"{arrived} bytes arrived, which fills Envoy's buffer, and no content-length says that it is all"
            raise BodyNotVisible(msg)
        return
    declared = lengths[0]
    if (
        len(lengths) > 1
        or not declared.isdigit()
        or len(declared) > LENGTH_DIGITS
        or int(declared) != arrived
    ):
        msg = f"the content-length does not equal the {arrived} bytes that arrived"
        raise BodyNotVisible(msg)
