"""Dead letters and channels' answers as the API shows them."""

from __future__ import annotations

from authz.entrypoints.management.ticket_message import timestamp, utf8
from authz.services.dead_letters import ChannelAnswer, DeadLetter
from authz.wire.holdgate.v1 import deliveries_pb2 as wire

WHY_MAX = 2_000
"""Characters of what channels said, so that a page stays bounded."""


def letter_message(letter: DeadLetter) -> wire.DeadLetter:
    """Return one dead letter."""
    return wire.DeadLetter(
        id=letter.entry,
        type=utf8(letter.type[:WHY_MAX]),
        ticket_id=utf8(letter.ticket_id[:WHY_MAX]),
        rev=letter.rev,
        attempts=letter.attempts,
        why=utf8(letter.why[:WHY_MAX]),
        channels=[utf8(name) for name in letter.channels],
        buried_at=timestamp(letter.buried_at),
        happened_at=timestamp(letter.happened_at) if letter.happened_at else None,
        replayable=letter.replayable,
    )


def answer_message(answer: ChannelAnswer) -> wire.Answer:
    """Return what one channel answered, or what failed."""
    return wire.Answer(
        type=utf8(answer.type),
        rev=answer.rev,
        channel=utf8(answer.channel),
        accepted=bool(answer.channel),
        text=utf8(answer.text[:WHY_MAX]),
    )
