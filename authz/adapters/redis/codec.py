"""Stored bytes to domain values and back.

A record is JSON, `{"v": 2, …}`, bytes in it base64 (RFC 4648 §4), and packed where it is long. One of the version
before is read too; any other, or one with a field that this release does not know, is refused rather than half
understood: the field may be what restricts the ticket.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import PydanticSerializationError

from authz.adapters.redis.earlier_record import raised
from authz.adapters.redis.odd_text import MARK, mark, unmark
from authz.adapters.redis.record_packing import packed, unpacked
from authz.domain.break_glass import Review, ReviewDraft
from authz.domain.errors import RecordUnreadable
from authz.domain.request import CheckId
from authz.domain.ticket import Ending, Redemption, State, Ticket, TicketDraft, Vote, Withdrawal

FORMAT = 2

Value = TypeVar("Value")


class _Record(BaseModel, Generic[Value]):
    model_config = ConfigDict(extra="forbid", frozen=True, ser_json_bytes="base64", val_json_bytes="base64")

    v: Literal[2]
    value: Value


_MARK = MARK.encode()
_Draft = _Record[TicketDraft]
_Vote = _Record[Vote]
_Ending = _Record[Ending]
_Review = _Record[ReviewDraft]


def encode_draft(draft: TicketDraft) -> bytes:
    """Return the record of a draft."""
    return _dumped(_Draft, draft)


def encode_vote(vote: Vote) -> bytes:
    """Return the record of a vote without its time, which Redis stamps beside it."""
    return _dumped(_Vote, replace(vote, at=0))


def encode_ending(ending: Ending) -> bytes:
    """Return the record of how somebody ended a ticket or did a review."""
    return _dumped(_Ending, ending)


def encode_review(draft: ReviewDraft) -> bytes:
    """Return the record of a use of break-glass."""
    return _dumped(_Review, draft)


def review_data(draft: ReviewDraft) -> bytes:
    """Return the event data of a use of break-glass: all of the draft."""
    return encode_data(_Review(v=FORMAT, value=draft).model_dump(mode="json")["value"])


def decode_review(flat: Sequence[bytes]) -> Review:
    """Return the review of a stored hash, given as field, value, field, value. Raises RecordUnreadable."""
    fields = dict(zip(flat[::2], flat[1::2], strict=True))
    try:
        return Review(
            draft=_loaded(_Review, fields[b"record"]),
            used_at=int(fields[b"used_at"]),
            due_at=int(fields[b"due_at"]),
            done_at=_time(fields, b"done_at"),
            done_by=_ending(fields, b"done_by"),
        )
    except (ValidationError, KeyError, ValueError) as error:
        raise _unreadable("review", error) from error


def draft_data(draft: TicketDraft) -> bytes:
    """Return the event data of a new ticket: all of the draft."""
    return encode_data(_Draft(v=FORMAT, value=draft).model_dump(mode="json")["value"])


def vote_data(vote: Vote, reason: Mapping[str, object]) -> bytes:
    """Return the event data of a vote: the vote itself beside the caller's reasons."""
    dumped = _Vote(v=FORMAT, value=vote).model_dump(mode="json")["value"]
    del dumped["at"]  # the event has it, by Redis
    return encode_data({**reason, "vote": dumped})


def withdrawal_data(vote: Vote) -> bytes:
    """Return the event data of a withdrawn vote: whose it was, and what it said."""
    dumped = _Vote(v=FORMAT, value=vote).model_dump(mode="json")["value"]
    by = {name: dumped[name] for name in ("person", "identity", "name")}
    return encode_data({"by": by, "choice": dumped["choice"]})


def ending_data(ending: Ending) -> bytes:
    """Return the event data of an end by somebody's will."""
    dumped = _Ending(v=FORMAT, value=ending).model_dump(mode="json")["value"]
    comment = dumped.pop("comment")
    return encode_data({"by": dumped, "comment": comment})


def encode_person(person: str) -> bytes:
    """Return a person's id as the mark of a withdrawal has it: JSON in ASCII, whatever the text."""
    return json.dumps(person).encode()


def encode_data(data: Mapping[str, object]) -> bytes:
    """Return event data as compact JSON."""
    return json.dumps(data, separators=(",", ":")).encode()


def encode_check(check: CheckId) -> str:
    """Return a Check's identity as it is remembered: `TIME_NS HTTP_ID`."""
    return f"{check.time_ns} {check.http_id}"


def decode_ticket(flat: Sequence[bytes]) -> Ticket:
    """Return the ticket of a stored hash, given as field, value, field, value.

    Raises RecordUnreadable for anything that this release did not write.
    """
    fields = dict(zip(flat[::2], flat[1::2], strict=True))
    try:
        return Ticket(
            draft=_loaded(_Draft, fields[b"record"]),
            rev=int(fields[b"rev"]),
            state=State(fields[b"state"].decode()),
            created_at=int(fields[b"created_at"]),
            expires_at=int(fields[b"expires_at"]),
            approved_at=_time(fields, b"approved_at"),
            window_until=_time(fields, b"window_until"),
            uses_left=int(fields[b"uses_left"]),
            ended_at=_time(fields, b"ended_at"),
            cooldown_until=_time(fields, b"cooldown_until"),
            votes=tuple(_votes(fields).values()),
            redemptions=_redemptions(fields),
            withdrawn=_withdrawn(fields),
            withdrawals=int(fields.get(b"withdrawals", 0)),
            ending=_ending(fields, b"ending"),
            replaced_by=fields.get(b"replaced_by", b"").decode(),
        )
    except (ValidationError, KeyError, ValueError) as error:
        raise _unreadable("ticket", error) from error


def vote_of(flat: Sequence[bytes], person: str) -> tuple[int, Vote] | None:
    """Return the number and the vote of this person, None where none of theirs counts.

    `flat` is a stored hash that `decode_ticket` takes.
    """
    votes = _votes(dict(zip(flat[::2], flat[1::2], strict=True)))
    return next(((number, vote) for number, vote in votes.items() if vote.person == person), None)


def _dumped(record: type[_Record[Value]], value: Value) -> bytes:
    try:
        dumped = record(v=FORMAT, value=value).model_dump_json().encode()
        if _MARK not in dumped:
            return packed(dumped)
    except (UnicodeEncodeError, PydanticSerializationError):
        pass  # marked below
    return packed(record(v=FORMAT, value=mark(value)).model_dump_json().encode())


def _loaded(record: type[_Record[Value]], stored: bytes) -> Value:
    plain = unpacked(stored)
    value = record.model_validate_json(raised(plain)).value
    return unmark(value) if _MARK in plain else value


def _unreadable(kind: str, error: Exception) -> RecordUnreadable:
    what = str(error).splitlines()[0] if isinstance(error, ValidationError) else repr(error)
    return RecordUnreadable(f"a stored {kind} is not one this release can read: {what}")


def _ending(fields: Mapping[bytes, bytes], name: bytes) -> Ending | None:
    return _loaded(_Ending, fields[name]) if name in fields else None


def _time(fields: Mapping[bytes, bytes], name: bytes) -> int | None:
    value = fields.get(name)
    return None if value is None else int(value)


def _votes(fields: Mapping[bytes, bytes]) -> dict[int, Vote]:
    """Return the votes that count by their numbers. Each other number has the mark of a withdrawal."""
    numbers = range(int(fields[b"votes"]))
    return {number: _vote(fields, number) for number in numbers if b"withdrawn:%d" % number not in fields}


def _withdrawn(fields: Mapping[bytes, bytes]) -> tuple[Withdrawal, ...]:
    """Return what the marks that name somebody say, by number. The release before wrote the time alone."""
    marks = (fields.get(b"withdrawn:%d" % number, b"") for number in range(int(fields[b"votes"])))
    parts = (mark.partition(b" ") for mark in marks)
    return tuple(Withdrawal(json.loads(person), int(at)) for at, blank, person in parts if blank)


def _vote(fields: Mapping[bytes, bytes], number: int) -> Vote:
    vote = _loaded(_Vote, fields[b"vote:%d" % number])
    return replace(vote, at=int(fields[b"vote_at:%d" % number]))


def _redemptions(fields: Mapping[bytes, bytes]) -> tuple[Redemption, ...]:
    uses = []
    for name, value in fields.items():
        if name.startswith(b"use:"):
            at, replays, time_ns, http_id = value.decode().split(" ", 3)
            uses.append(Redemption(CheckId(http_id, int(time_ns)), int(at), int(replays)))
    return tuple(sorted(uses, key=lambda use: use.at))
