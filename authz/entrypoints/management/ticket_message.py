"""A ticket as the API shows it to people who may decide."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from authz.domain.approver import Approver, ApproverKind
from authz.domain.identity import Identity
from authz.domain.requirement import Demand, Risk
from authz.domain.standing import standing
from authz.domain.ticket import Choice, Ending, FrozenRequest, State, Ticket, Vote
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
RISKS = {Risk.NORMAL: wire.RISK_NORMAL, Risk.HIGH: wire.RISK_HIGH}
DECISIONS = {Choice.APPROVE: wire.DECISION_APPROVE, Choice.REJECT: wire.DECISION_REJECT}


def summary_message(ticket: Ticket, now_ms: int) -> wire.Ticket:
    """Return what a list shows: bounded in size, whatever the ticket holds."""
    draft = ticket.draft
    count = standing(draft, ticket.votes)
    state = ticket.state_at(now_ms)
    terms = draft.requirement
    return wire.Ticket(
        id=ticket.id,
        short_code=short_code(ticket.id),
        state=STATES[state],
        rev=ticket.rev,
        rule=utf8(terms.rule),
        reason=utf8(terms.reason),
        requester=identity_message(draft.requester.identity, draft.requester.name),
        shared=draft.shared,
        request=request_summary(draft.request),
        digest=draft.fingerprint.payload_digest,
        progress=wire.Progress(
            given=count.given,
            needed=count.needed,
            awaiting=[utf8(name) for name in count.awaiting] if state is State.PENDING else [],
        ),
        created_at=timestamp(ticket.created_at),
        expires_at=timestamp(ticket.window_until or ticket.expires_at),
        risk=RISKS[terms.risk],
        grant=wire.Grant(
            uses=terms.uses,
            valid_for=Duration(
                seconds=terms.valid_for_ms // 1000, nanos=terms.valid_for_ms % 1000 * 1_000_000
            ),
            uses_left=ticket.uses_left if state is State.APPROVED else 0,
            scope=terms.scope,
        ),
        ending=ending_message(ticket.ending) if ticket.ending else None,
        replaced_by=ticket.replaced_by,
    )


def ticket_message(ticket: Ticket, now_ms: int, body: bytes | None) -> wire.Ticket:
    """Return everything a person may see before deciding; `body` is what is kept of the request's."""
    message = summary_message(ticket, now_ms)
    draft = ticket.draft
    message.request.CopyFrom(whole_request(draft.request, body))
    message.facts.extend(facts(draft.requirement.show))
    message.votes.extend(_vote(vote) for vote in ticket.votes)
    message.demands.extend(_demand(demand) for demand in draft.requirement.demands)
    message.grant.body_ignores.extend(utf8(pointer) for pointer in draft.requirement.body_ignores)
    message.justification = utf8(draft.justification)
    return message


def request_summary(request: FrozenRequest) -> wire.RequestSummary:
    """Return what a list shows of a request."""
    return wire.RequestSummary(
        method=utf8(request.method),
        scheme=utf8(request.scheme),
        host=utf8(request.host),
        path=utf8(request.path[:LISTED_TARGET_MAX]),
        query=utf8(_query(request)[:LISTED_TARGET_MAX]),
        body_size=request.body_size,
        body_checked=request.body_checked,
    )


def whole_request(request: FrozenRequest, body: bytes | None) -> wire.RequestSummary:
    """Return a request with its headers, and what is kept of its body."""
    message = request_summary(request)
    message.path = utf8(request.path)
    message.query = utf8(_query(request))
    message.headers.extend(wire.Header(name=utf8(name), value=value) for name, value in request.headers)
    message.body = body or b""
    return message


def facts(show: Iterable[tuple[str, str]]) -> Iterator[wire.Fact]:
    """Yield what the policy points out."""
    return (wire.Fact(title=utf8(title), value=utf8(value)) for title, value in show)


def ending_message(ending: Ending) -> wire.Ending:
    """Return who ended something, and why."""
    return wire.Ending(by=identity_message(ending.identity, ending.name), comment=utf8(ending.comment))


def identity_message(identity: Identity, name: str) -> wire.Identity:
    """Return who somebody is."""
    return wire.Identity(ns=utf8(identity.ns), id=utf8(identity.id), name=utf8(name))


def utf8(value: str) -> str:
    r"""Return text that protobuf takes: bytes outside UTF-8, kept as surrogates until here, become `\xff`."""
    return value.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def timestamp(milliseconds: int) -> Timestamp:
    """Return a time of ours as protobuf has it."""
    return Timestamp(seconds=milliseconds // 1000, nanos=milliseconds % 1000 * 1_000_000)


def _demand(demand: Demand) -> wire.Demand:
    alternatives = (wire.Seats(seats=map(_seat, seats)) for seats in demand.alternatives)
    return wire.Demand(rule=utf8(demand.rule), reason=utf8(demand.reason), alternatives=alternatives)


def _seat(approver: Approver) -> wire.Seat:
    match approver.kind:
        case ApproverKind.GROUP:
            return wire.Seat(group=utf8(approver.group), count=approver.count)
        case ApproverKind.ANY:
            return wire.Seat(anybody=True, count=approver.count)
        case ApproverKind.USER:
            user = identity_message(approver.user, "") if approver.user else None
            return wire.Seat(user=user, count=approver.count)


def _vote(vote: Vote) -> wire.CastVote:
    return wire.CastVote(
        by=identity_message(vote.identity, vote.name),
        decision=DECISIONS[vote.choice],
        comment=utf8(vote.comment),
        at=timestamp(vote.at),
    )


def _query(request: FrozenRequest) -> str:
    return "" if request.query is None else f"?{request.query}"
