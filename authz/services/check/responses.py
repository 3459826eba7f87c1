"""The answers that clients get instead of the upstream's: holds and problems (RFC 9457), as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import orjson

from authz.domain.answer import ProblemDetails, Respond
from authz.domain.client_view import (
    OF_STATE,
    advice,
    ending_members,
    retry_after,
    status_path,
    ticket_members,
)
from authz.domain.header_mutation import NameValues
from authz.domain.problems import Problem
from authz.domain.reserved_headers import TICKET
from authz.domain.reserved_paths import problem_path
from authz.domain.ticket import State, Ticket

_OUTAGE_RETRY_S = 1
_RETRY_AFTER = {
    Problem.UNAVAILABLE: _OUTAGE_RETRY_S,
    Problem.PRINCIPAL_UNKNOWN: _OUTAGE_RETRY_S,
}


def problem(
    kind: Problem, members: Mapping[str, object] | None = None, *, retry_after_s: int | None = None
) -> Respond:
    """Answer with a problem; `members` are extension members (RFC 9457 §3.2), and a link leads to its page.

    Retry-After (RFC 9110 §10.2.3) is `retry_after_s`, else what is usual for the problem.
    """
    what = kind.value
    retry = _RETRY_AFTER.get(kind) if retry_after_s is None else retry_after_s
    body = {
        "type": what.uri,
        "title": what.title,
        "status": what.status,
        "detail": what.detail,
        **(members or {}),
    }
    headers: NameValues = (
        ("content-type", "application/problem+json"),
        ("cache-control", "no-store"),
        ("link", f'<{problem_path(what.slug)}>; rel="help"'),
    )
    if retry is not None:
        headers += (("retry-after", str(retry)),)
    return Respond(what.status, headers, orjson.dumps(body), ProblemDetails(kind, body))


def method_not_allowed(*allowed: str) -> Respond:
    """Answer 405, which names the methods that there are (RFC 9110 section 15.5.6)."""
    refused = problem(Problem.METHOD_NOT_ALLOWED)
    return replace(refused, headers=(*refused.headers, ("allow", ", ".join(allowed))))


def about(ticket: Ticket, now_ms: int, token: str, public_url: str) -> Respond:
    """Answer with the true state of a ticket: the hold while it is live, else the 403 that says how it ended."""
    state = ticket.state_at(now_ms)
    members = ticket_members(ticket, now_ms, public_url)
    if state not in {State.PENDING, State.APPROVED}:
        return problem(OF_STATE[state], members | ending_members(ticket, now_ms))
    status = ticket.draft.held_status
    held = Problem.HELD.value
    body = members | {"token": token, "detail": advice(state)}
    content_type = "application/json"
    if status != held.status:
        content_type = "application/problem+json"
        body = {"type": held.uri, "title": held.title, "status": status} | body
    headers: NameValues = (
        ("content-type", content_type),
        ("cache-control", "no-store"),
        ("retry-after", str(retry_after(ticket, now_ms))),
        ("link", f'<{status_path(ticket.id)}>; rel="status"'),
        (TICKET, token),
    )
    return Respond(status, headers, orjson.dumps(body), ProblemDetails(Problem.HELD, body))


def status(ticket: Ticket, now_ms: int, public_url: str) -> Respond:
    """Answer 200 with what `about` would say of a ticket, whatever it says, and without the token."""
    state = ticket.state_at(now_ms)
    members = ticket_members(ticket, now_ms, public_url) | {"detail": advice(state)}
    headers: NameValues = (
        ("content-type", "application/json"),
        ("cache-control", "no-store"),
        ("link", f'<{status_path(ticket.id)}>; rel="self"'),
    )
    if state.live:
        headers += (("retry-after", str(retry_after(ticket, now_ms))),)
    else:
        members |= ending_members(ticket, now_ms)
    return Respond(200, headers, orjson.dumps(members))
