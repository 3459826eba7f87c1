"""A ticket as the API shows it to people who may decide."""

from __future__ import annotations

from google.protobuf.timestamp_pb2 import Timestamp

from authz.domain.identity import Identity
from authz.domain.quorum import progress
from authz.domain.ticket import Choice, FrozenRequest, State, Ticket, Vote
from authz.domain.token import short_code
from authz.wire.holdgate.v1 import approvals_pb2 as wire

LISTED_TARGET_MAX = 1000

STATES = {
    State.PENDING: wire.STATE_PENDING,
    State.APPROVED: wire.STATE_APPROVED,
    State.REJECTED: wire.STATE_REJECTED,
    State.EXPIRED: wire.STATE_EXPIRED,
    State.USED_UP: wire.STATE_USED_UP,
    State.LAPSED: wire.STATE_LAPSED,
    State.CANCELLED: wire.STATE_CANCELLED,
    State.SUPERSEDED: wire.STATE_SUPERSEDED,
    State.REVOKED: wire.STATE_REVOKED,
}
DECISIONS = {Choice.APPROVE: wire.DECISION_APPROVE, Choice.REJECT: wire.DECISION_REJECT}


def summary_message(ticket: Ticket, now_ms: int) -> wire.Ticket:
    """Return what a list shows: bounded in size, whatever the ticket holds."""
    draft = ticket.draft
    count = progress(draft.requirement, ticket.votes, requester_known=draft.requester_person is not None)
    state = ticket.state_at(now_ms)
    request = draft.request
    return wire.Ticket(
        id=ticket.id,
        short_code=short_code(ticket.id),
        state=STATES[state],
        rev=ticket.rev,
        rule=_text(draft.requirement.rule),
        reason=_text(draft.requirement.reason),
        requester=_identity(draft.requester.identity, draft.requester.name),
        request=wire.RequestSummary(
            method=_text(request.method),
            scheme=_text(request.scheme),
            host=_text(request.host),
            path=_text(request.path[:LISTED_TARGET_MAX]),
            query=_text(_query(request)[:LISTED_TARGET_MAX]),
            body_size=request.body_size,
            body_checked=request.body_checked,
        ),
        digest=draft.fingerprint.payload_digest,
        progress=wire.Progress(
            given=count.given,
            needed=count.needed,
            awaiting=[_text(name) for name in count.awaiting] if state is State.PENDING else [],
        ),
        created_at=_time(ticket.created_at),
        expires_at=_time(ticket.window_until or ticket.expires_at),
    )


def ticket_message(ticket: Ticket, now_ms: int, body: bytes | None) -> wire.Ticket:
    """Return everything a person may see before deciding; `body` is what is kept of the request's."""
    message = summary_message(ticket, now_ms)
    draft = ticket.draft
    message.request.path = _text(draft.request.path)
    message.request.query = _text(_query(draft.request))
    message.request.headers.extend(
        wire.Header(name=_text(name), value=value) for name, value in draft.request.headers
    )
    message.request.body = body or b""
    message.facts.extend(
        wire.Fact(title=_text(title), value=_text(value)) for title, value in draft.requirement.show
    )
    message.votes.extend(_vote(vote) for vote in ticket.votes)
    return message


def _vote(vote: Vote) -> wire.CastVote:
    return wire.CastVote(
        by=_identity(vote.identity, vote.name),
        decision=DECISIONS[vote.choice],
        comment=_text(vote.comment),
        at=_time(vote.at),
    )


def _identity(identity: Identity, name: str) -> wire.Identity:
    return wire.Identity(ns=_text(identity.ns), id=_text(identity.id), name=_text(name))


def _query(request: FrozenRequest) -> str:
    return "" if request.query is None else f"?{request.query}"


def _text(value: str) -> str:
    r"""Return text that protobuf takes: bytes outside UTF-8, kept as surrogates until here, become `\xff`."""
    return value.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _time(milliseconds: int) -> Timestamp:
    return Timestamp(seconds=milliseconds // 1000, nanos=milliseconds % 1000 * 1_000_000)
