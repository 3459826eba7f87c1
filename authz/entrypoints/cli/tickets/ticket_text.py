"""Tickets for a terminal.

Whatever a client, a policy or a voter wrote is escaped: it can't move the cursor, turn the text around, or
look like a line of ours.
"""

from __future__ import annotations

from collections.abc import Sequence

from google.protobuf.timestamp_pb2 import Timestamp

from authz.adapters.cards.text import many_lines, one_line
from authz.domain.duration import format_duration
from authz.domain.timestamps import rfc3339
from authz.wire.holdgate.v1 import approvals_pb2 as wire

TEXT_MAX = 1000
LISTED_MAX = 100
NAME_MAX = 24
BODY_MAX = 4000

AWAITING_MAX = 200
HIGH_RISK = "high: a vote needs a strong and recent sign-in"

_COLUMNS = ("ID", "STATE", "VOTES", "EXPIRES", "RULE", "ASKED BY", "REQUEST")


def state_name(state: wire.State.ValueType) -> str:
    """Return `used up` for STATE_USED_UP."""
    return wire.State.Name(state).removeprefix("STATE_").lower().replace("_", " ")


def raw(text: str, limit: int = TEXT_MAX) -> str:
    r"""Show text of the protocol exactly: all but printable ASCII as `\xNN` or `\uNNNN`, and a cut as `…`."""
    shown = "".join(char if " " <= char <= "~" else _escaped(char) for char in text[:limit])
    return f"{shown}… ({len(text) - limit} more characters)" if len(text) > limit else shown


def request_line(request: wire.RequestSummary, limit: int = TEXT_MAX) -> str:
    """Return method and address of a request."""
    return f"{raw(request.method, NAME_MAX)} " + raw(
        f"{request.scheme}://{request.host}{request.path}{request.query}", limit
    )


def table(tickets: Sequence[wire.Ticket]) -> str:
    """Return one line a ticket, in columns, below a heading."""
    return columns([_COLUMNS, *(_row(ticket) for ticket in tickets)])


def columns(rows: Sequence[Sequence[str]]) -> str:
    """Return rows of cells, each column as wide as its widest cell."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]) - 1)]
    return "\n".join(
        "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[-1]])
        for row in rows
    )


def details(ticket: wire.Ticket) -> str:
    """Return everything about a ticket that a person should see before deciding, over several lines."""
    lines = [
        ("ticket", f"{raw(ticket.id)}  ({raw(ticket.short_code)})"),
        ("state", standing(ticket)),
        *([("replaced", f"by {raw(ticket.replaced_by)}")] if ticket.replaced_by else []),
        *([("ended", f"by {ending(ticket.ending)}")] if ticket.HasField("ending") else []),
        (
            "asked by",
            f"nobody in particular: {who(ticket.requester)}" if ticket.shared else who(ticket.requester),
        ),
        *request_entries(ticket.request),
        *(("ignored", f"{raw(pointer)} in the body may differ") for pointer in ticket.grant.body_ignores),
        *demand_entries(ticket),
        *([("risk", HIGH_RISK)] if ticket.risk == wire.RISK_HIGH else []),
        *([("they say", one_line(ticket.justification, TEXT_MAX))] if ticket.justification else []),
        *(
            ("fact", f"{one_line(fact.title, TEXT_MAX)}: {one_line(fact.value, TEXT_MAX)}")
            for fact in ticket.facts
        ),
        *([("grants", grant(ticket.grant))] if ticket.HasField("grant") else []),
        ("created", moment(ticket.created_at)),
        ("expires", moment(ticket.expires_at)),
        *(("vote", _vote(vote)) for vote in ticket.votes),
        ("digest", raw(ticket.digest)),
    ]
    return labelled(lines) + body_lines(ticket.request.body)


def labelled(lines: Sequence[tuple[str, str]]) -> str:
    """Return one line for each name and value."""
    return "\n".join(f"{name:<9} {value}" for name, value in lines)


def request_entries(request: wire.RequestSummary) -> list[tuple[str, str]]:
    """Return what of a request is worth a line: the address, the headers, the size of the body."""
    return [
        ("request", request_line(request)),
        *(("header", _header(header)) for header in request.headers),
        ("body", _body_note(request)),
    ]


def demand_entries(ticket: wire.Ticket) -> list[tuple[str, str]]:
    """Return the rules with their reasons and whom they ask."""
    entries = []
    for demand in ticket.demands:
        entries += [
            ("rule", one_line(demand.rule, TEXT_MAX)),
            ("reason", one_line(demand.reason, TEXT_MAX)),
            ("asks for", "; or ".join(_seats(seats) for seats in demand.alternatives)),
        ]
    return entries or [
        ("rule", one_line(ticket.rule, TEXT_MAX)),
        ("reason", one_line(ticket.reason, TEXT_MAX)),
    ]


def grant(terms: wire.Grant) -> str:
    """Return what an approval is good for: `once, within 15m`, and a scope in words."""
    uses = "once" if terms.uses == 1 else f"{terms.uses} times"
    window = f"{uses}, within {format_duration(terms.valid_for.ToMilliseconds())}"
    if not terms.scope:
        return window
    scope = one_line(terms.scope, NAME_MAX)
    return f"NOT ONLY THIS: any request of this rule and scope {scope} by this requester, {window}"


def standing(ticket: wire.Ticket) -> str:
    """Return state and votes: `pending, 0 of 2, awaiting sre`."""
    count = ticket.progress
    awaiting = ", ".join(one_line(name, AWAITING_MAX) for name in count.awaiting)
    return f"{state_name(ticket.state)}, {count.given} of {count.needed}" + (
        f", awaiting {awaiting}" if awaiting else ""
    )


def ending(done: wire.Ending) -> str:
    """Return who ended something and, in their words, why."""
    comment = f": {one_line(done.comment, TEXT_MAX)}" if done.comment else ""
    return f"{who(done.by)}{comment}"


def event_line(event: wire.Event) -> str:
    """Return one event on one line."""
    cells = [moment(event.at), f"{raw(event.type):<16}", raw(event.ticket_id)]
    if event.HasField("ticket"):
        ticket = event.ticket
        cells += [standing(ticket), one_line(ticket.rule, NAME_MAX), request_line(ticket.request, LISTED_MAX)]
    elif event.HasField("review"):
        review = event.review
        cells += [one_line(review.rule, NAME_MAX), request_line(review.request, LISTED_MAX)]
    else:
        cells.append("no longer kept")
    return "  ".join(cells)


def _row(ticket: wire.Ticket) -> tuple[str, ...]:
    requester = ticket.requester
    return (
        raw(ticket.id),
        state_name(ticket.state),
        f"{ticket.progress.given}/{ticket.progress.needed}",
        moment(ticket.expires_at),
        one_line(ticket.rule, NAME_MAX),
        one_line(requester.name or requester.id, NAME_MAX),
        request_line(ticket.request, LISTED_MAX),
    )


def who(identity: wire.Identity) -> str:
    """Return name and stable identity: a name alone can be anybody's."""
    name = one_line(identity.name, TEXT_MAX)
    key = f"{raw(identity.id)} of {raw(identity.ns)}"
    return f"{name} ({key})" if name else key


def moment(at: Timestamp) -> str:
    """Return a time in RFC 3339."""
    return rfc3339(at.ToMilliseconds())


def body_lines(body: bytes) -> str:
    """Return a body as lines that no other line looks like, the first one's break included; empty for none."""
    if not body:
        return ""
    shown = many_lines(body.decode("utf-8", "surrogateescape"), BODY_MAX)
    lines = [f"\n  | {line}" for line in shown.text.split("\n")]
    if shown.cut:
        lines.append(f"\n  … {shown.cut} more characters")
    return "".join(lines)


def _seats(seats: wire.Seats) -> str:
    return " and ".join(_seat(seat) for seat in seats.seats)


def _seat(seat: wire.Seat) -> str:
    match seat.WhichOneof("who"):
        case "group":
            return f"{seat.count} of {one_line(seat.group, TEXT_MAX)}"
        case "user":
            return who(seat.user)
        case _:
            return "anybody" if seat.count == 1 else f"any {seat.count} people"


def _header(header: wire.Header) -> str:
    return f"{raw(header.name)}: {raw(header.value.decode('utf-8', 'surrogateescape'))}"


def _body_note(request: wire.RequestSummary) -> str:
    checked = (
        "bound to the approval" if request.body_checked else "NOT bound to the approval: it may be another"
    )
    kept = "" if request.body or not request.body_size else ", not kept"
    return f"{request.body_size} bytes, {checked}{kept}"


def _vote(vote: wire.CastVote) -> str:
    said = {wire.DECISION_APPROVE: "approved", wire.DECISION_REJECT: "rejected"}.get(vote.decision, "voted")
    comment = f": {one_line(vote.comment, TEXT_MAX)}" if vote.comment else ""
    return f"{moment(vote.at)} {who(vote.by)} {said}{comment}"


def _escaped(char: str) -> str:
    code = ord(char)
    if 0xDC80 <= code <= 0xDCFF:  # noqa: PLR2004 - how surrogateescape (PEP 383) carries a byte outside UTF-8
        return f"\\x{code - 0xDC00:02x}"
    return char.encode("unicode_escape").decode("ascii")
