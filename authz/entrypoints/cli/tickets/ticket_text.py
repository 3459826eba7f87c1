"""Tickets for a terminal.

Whatever a client, a policy or a voter wrote is escaped: it can't move the cursor, turn the text around, or
look like a line of ours.
"""

from __future__ import annotations

from collections.abc import Sequence

from google.protobuf.timestamp_pb2 import Timestamp

from authz.adapters.cards.text import many_lines, one_line
from authz.domain.timestamps import rfc3339
from authz.wire.holdgate.v1 import approvals_pb2 as wire

TEXT_MAX = 1000
LISTED_MAX = 100
NAME_MAX = 24
BODY_MAX = 4000

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
    rows = [_COLUMNS, *(_row(ticket) for ticket in tickets)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_COLUMNS) - 1)]
    return "\n".join(
        "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[-1]])
        for row in rows
    )


def details(ticket: wire.Ticket) -> str:
    """Return everything about a ticket that a person should see before deciding, over several lines."""
    request = ticket.request
    lines = [
        ("ticket", f"{raw(ticket.id)}  ({raw(ticket.short_code)})"),
        ("state", standing(ticket)),
        ("asked by", _who(ticket.requester)),
        ("request", request_line(request)),
        *(("header", _header(header)) for header in request.headers),
        ("body", _body_note(request)),
        ("rule", one_line(ticket.rule, TEXT_MAX)),
        ("reason", one_line(ticket.reason, TEXT_MAX)),
        *(
            ("fact", f"{one_line(fact.title, TEXT_MAX)}: {one_line(fact.value, TEXT_MAX)}")
            for fact in ticket.facts
        ),
        ("created", _time(ticket.created_at)),
        ("expires", _time(ticket.expires_at)),
        *(("vote", _vote(vote)) for vote in ticket.votes),
        ("digest", raw(ticket.digest)),
    ]
    text = "\n".join(f"{name:<9} {value}" for name, value in lines)
    return f"{text}\n{_body(request.body)}" if request.body else text


def standing(ticket: wire.Ticket) -> str:
    """Return state and votes: `pending, 0 of 2, awaiting sre`."""
    count = ticket.progress
    awaiting = ", ".join(one_line(name, NAME_MAX) for name in count.awaiting)
    return f"{state_name(ticket.state)}, {count.given} of {count.needed}" + (
        f", awaiting {awaiting}" if awaiting else ""
    )


def event_line(event: wire.Event) -> str:
    """Return one event on one line."""
    cells = [_time(event.at), f"{raw(event.type):<16}", raw(event.ticket_id)]
    if event.HasField("ticket"):
        ticket = event.ticket
        cells += [standing(ticket), one_line(ticket.rule, NAME_MAX), request_line(ticket.request, LISTED_MAX)]
    else:
        cells.append("no longer kept")
    return "  ".join(cells)


def _row(ticket: wire.Ticket) -> tuple[str, ...]:
    requester = ticket.requester
    return (
        raw(ticket.id),
        state_name(ticket.state),
        f"{ticket.progress.given}/{ticket.progress.needed}",
        _time(ticket.expires_at),
        one_line(ticket.rule, NAME_MAX),
        one_line(requester.name or requester.id, NAME_MAX),
        request_line(ticket.request, LISTED_MAX),
    )


def _who(identity: wire.Identity) -> str:
    name = one_line(identity.name, TEXT_MAX)
    key = f"{raw(identity.id)} of {raw(identity.ns)}"
    return f"{name} ({key})" if name else key


def _header(header: wire.Header) -> str:
    return f"{raw(header.name)}: {raw(header.value.decode('utf-8', 'surrogateescape'))}"


def _body_note(request: wire.RequestSummary) -> str:
    checked = (
        "bound to the approval" if request.body_checked else "NOT bound to the approval: it may be another"
    )
    kept = "" if request.body or not request.body_size else ", not kept"
    return f"{request.body_size} bytes, {checked}{kept}"


def _body(body: bytes) -> str:
    shown = many_lines(body.decode("utf-8", "surrogateescape"), BODY_MAX)
    lines = [f"  | {line}" for line in shown.text.split("\n")]
    if shown.cut:
        lines.append(f"  … {shown.cut} more characters")
    return "\n".join(lines)


def _vote(vote: wire.CastVote) -> str:
    said = {wire.DECISION_APPROVE: "approved", wire.DECISION_REJECT: "rejected"}.get(vote.decision, "voted")
    comment = f": {one_line(vote.comment, TEXT_MAX)}" if vote.comment else ""
    return f"{_time(vote.at)} {_who(vote.by)} {said}{comment}"


def _time(at: Timestamp) -> str:
    return rfc3339(at.ToMilliseconds())


def _escaped(char: str) -> str:
    code = ord(char)
    if 0xDC80 <= code <= 0xDCFF:  # noqa: PLR2004 - how surrogateescape (PEP 383) carries a byte outside UTF-8
        return f"\\x{code - 0xDC00:02x}"
    return char.encode("unicode_escape").decode("ascii")
