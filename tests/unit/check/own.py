"""Requests for what is Holdgate's own."""

from __future__ import annotations

from typing import Any

from authz.domain.request import GatedRequest
from tests.support.gated_requests import gated

TICKETS = "/.holdgate/tickets/"


def own(path: str, method: str = "GET", **changes: Any) -> GatedRequest:  # noqa: ANN401 - any field
    """Return alice's request for a path of Holdgate's, without a body."""
    return gated(method=method, path=path, query=None, headers=(), body=b"", **changes)


def ticket_request(token: str, method: str = "GET", **changes: Any) -> GatedRequest:  # noqa: ANN401 - any field
    """Return alice's request for the status of the ticket whose token this is; the header isn't in it yet."""
    return own(TICKETS + token.split(".")[2], method, **changes)
