"""The requests that follow on a hold: the same with its ticket, and the question what became of it."""

from __future__ import annotations

import re
from typing import Final

import httpx

from holdgate_client.hold import Hold
from holdgate_client.origin import Origin
from holdgate_client.ticket import HEADER, Ticket

TICKET_EXTENSION: Final = "holdgate_ticket"
"""The extension of a request that holds the Ticket to go on with."""

REPLAYABLE_EXTENSION: Final = "holdgate_replayable"
"""The extension of a request with which the caller says that its stream gives the same bytes each time."""

# RFC 7240 section 4.3; four digits are more than any gate waits.
_WAIT = re.compile(
    r"(?:^|,)[ \t]*wait[ \t]*=[ \t]*\"?([0-9]{1,4})\"?[ \t]*(?:[,;]|$)", re.ASCII | re.IGNORECASE
)
_COPIED: Final = ("host", "user-agent")
_SLACK: Final = 10.0
_USUAL_TIMEOUT: Final = 10.0


def take_ticket(request: httpx.Request) -> Ticket | None:
    """Take the ticket out of a request, from its extensions or its headers, and return it.

    Out of it, because httpx makes the request that follows a redirect from this one, and the ticket must not go
    along. Raises ValueError where the ticket is another origin's.
    """
    origin = Origin.of_request(request)
    given = request.extensions.pop(TICKET_EXTENSION, None)
    written = request.headers.get_list(HEADER)
    if given is None and len(written) != 1:
        return None  # several would be refused by the gate, as they should be
    if written:
        del request.headers[HEADER]
    if given is None:
        return Ticket(written[0], origin)
    if not isinstance(given, Ticket):
        raise TypeError(f"extensions[{TICKET_EXTENSION!r}] has to be a holdgate_client.Ticket")
    if given.origin != origin:
        raise ValueError(f"ticket {given.id} was given by {given.origin} and can't be used at {origin}")
    return given


def replayable(request: httpx.Request) -> bool:
    """Say whether the body can be sent a second time."""
    marked = request.extensions.get(REPLAYABLE_EXTENSION, False) is True
    return marked or isinstance(request.stream, httpx.ByteStream)


def patient(request: httpx.Request) -> httpx.Request:
    """Return the request, with more time for its answer where it asks the gate to wait itself."""
    match = _WAIT.search(request.headers.get("prefer", ""))
    timeout = request.extensions.get("timeout", {})
    read = timeout.get("read")
    if match is None or read is None:
        return request
    return _again(request, request.headers, {"timeout": {**timeout, "read": read + int(match[1])}})


def with_ticket(request: httpx.Request, ticket: Ticket) -> httpx.Request:
    """Return the identical request with the ticket beside it. The request itself stays without."""
    headers = httpx.Headers([*request.headers.raw, (HEADER.encode(), ticket.token.encode())])
    return _again(request, headers, {})


def question(request: httpx.Request, hold: Hold, ticket: Ticket, seconds: int) -> httpx.Request:
    """Return the request that asks for the ticket's state, and to be answered when that changes or `seconds` passed.

    It carries none of the caller's own headers: the ticket is all that it takes. Raises ValueError for a hold without
    a status address.
    """
    if hold.status_url is None:
        raise ValueError(f"hold {hold.id} names no address for its status")
    headers = [(name, request.headers[name]) for name in _COPIED if name in request.headers]
    headers += [("accept", "application/json"), ("accept-encoding", "identity"), (HEADER, ticket.token)]
    if seconds:
        headers.append(("prefer", f"wait={seconds}"))
    given = request.extensions.get("timeout", {})
    timeout = {name: given.get(name) or _USUAL_TIMEOUT for name in ("connect", "write", "pool")}
    kept = {name: value for name, value in request.extensions.items() if name == "sni_hostname"}
    return httpx.Request(
        "GET",
        hold.status_url,
        headers=headers,
        extensions={**kept, "timeout": {**timeout, "read": question_lasts(seconds)}},
    )


def question_lasts(seconds: int) -> float:
    """Return how many seconds a question may take that asks for so many."""
    return seconds + _SLACK


def _again(request: httpx.Request, headers: httpx.Headers, extensions: dict[str, object]) -> httpx.Request:
    return httpx.Request(
        request.method,
        request.url,
        headers=headers,
        stream=request.stream,
        extensions={**request.extensions, **extensions},
    )
