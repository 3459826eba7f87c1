"""What an answer says, once it is known for Holdgate's."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import httpx

from holdgate_client.answer import Answer, has_ticket
from holdgate_client.hold import Hold
from holdgate_client.origin import Origin
from holdgate_client.problem import Problem
from holdgate_client.retry_after import retry_after
from holdgate_client.ticket import HEADER, TOKEN

_STATUS_PATH = "/.holdgate/tickets/"
_OK = 200
_LONG = 10**9


@dataclass(frozen=True, slots=True)
class Held:
    """An answer that is a hold: what is waited for, the ticket's token, and the seconds that it says to wait."""

    hold: Hold
    token: str = field(repr=False)
    retry_after: float | None


def held(answer: Answer, request: httpx.Request) -> Held | None:
    """Read a hold; None when the answer isn't one.

    Never by the status alone: the header has to hold a token, and the body the same one. An answer to HEAD has no
    body, so that there the address of the status has to be the ticket's.
    """
    response = answer.response
    if not has_ticket(response):
        return None
    token = response.headers[HEADER]
    match = TOKEN.fullmatch(token)
    if match is None:
        return None
    address = _status_url(answer, request)
    if request.method == "HEAD":
        mine = address is not None and address.endswith(_STATUS_PATH + match[1])
        hold = Hold(match[1], "pending", status_url=address) if mine else None
    elif answer.document is None or answer.document.get("token") != token:
        return None
    else:
        hold = Hold.parse(answer.document, address)
    return None if hold is None else Held(hold, token, _hint(answer))


def problem(answer: Answer) -> Problem | None:
    """Read a problem of Holdgate's; None when the answer isn't one."""
    if answer.document is None:
        return None
    return Problem.parse(answer.document, answer.response.status_code, _hint(answer))


@dataclass(frozen=True, slots=True)
class Status:
    """What became of a ticket, and the seconds after which to ask again."""

    hold: Hold
    retry_after: float | None


def status(answer: Answer, asked: Hold) -> Status | None:
    """Read the answer to the question after a ticket; None when it is none."""
    if answer.response.status_code != _OK or answer.document is None:
        return None
    hold = Hold.parse(answer.document, asked.status_url)
    if hold is None or hold.id != asked.id:
        return None
    return Status(replace(hold, detail=hold.detail or asked.detail), _hint(answer))


def _hint(answer: Answer) -> float | None:
    said = retry_after(answer.response.headers)
    if said is not None or answer.document is None:
        return said
    member = answer.document.get("retry_after")
    return float(member) if isinstance(member, int) and 0 <= member < _LONG else None


def _status_url(answer: Answer, request: httpx.Request) -> str | None:
    """Return where the status is, where that is at the same origin: nobody else is to see the ticket."""
    links = (answer.document or {}).get("links")
    link = links.get("status") if isinstance(links, dict) else None
    if not isinstance(link, str):
        link = answer.response.links.get("status", {}).get("url")
    if link is None:
        return None
    try:
        url = request.url.join(link)
    except httpx.InvalidURL:
        return None
    there = Origin.of(url, request.headers.get("host"))
    if there != Origin.of_request(request) or not url.path.startswith(_STATUS_PATH):
        return None
    return str(url)
