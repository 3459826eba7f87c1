"""One HTTP request as Envoy showed it, nothing decoded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class CheckId:
    """What makes two Check calls the same: Envoy's stream id and the request's time.

    An RPC retry by Envoy repeats both bytes for bytes; `x-request-id` is the client's and means nothing here.
    An empty `http_id` is never the same as anything.
    """

    http_id: str
    time_ns: int


@dataclass(frozen=True, slots=True)
class GatedRequest:
    """The request behind one Check call.

    `path` and `query` are the two halves of `:path` around the first `?`, raw; `query` is None when there is no
    `?`. `headers` are lowercase names with raw values in the order received, pseudo-headers left out.
    `raw_headers` is False when Envoy sent the lossy map, in which bytes outside UTF-8 have become `!`.
    `body` is what arrived; whether that is all of it is for `body.visible_body` to say. `raw_body` is False when
    Envoy sent it as text (no `pack_as_bytes`). `partial` is Envoy's own `x-envoy-auth-partial-body`, None when
    unmarked. `body_limit` is what Envoy buffers on this route in bytes, 0 for nothing. `claims` is
    `metadata_context.filter_metadata`.
    """

    check_id: CheckId
    method: str
    scheme: str
    host: str
    path: str
    query: str | None
    protocol: str
    headers: tuple[tuple[str, bytes], ...]
    raw_headers: bool
    body: bytes
    raw_body: bool
    partial: bool | None
    body_limit: int
    context_extensions: Mapping[str, str]
    source_address: str
    source_principal: str
    claims: Mapping[str, object] = field(default_factory=dict)

    def values(self, name: str) -> tuple[bytes, ...]:
        """Return every raw value of the header `name` (lowercase), in order."""
        return tuple([value for key, value in self.headers if key == name])
