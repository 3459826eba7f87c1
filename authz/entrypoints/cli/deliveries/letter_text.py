"""Dead letters and answers for a terminal, escaped as tickets are."""

from __future__ import annotations

from collections.abc import Sequence

from authz.adapters.cards.text import one_line
from authz.entrypoints.cli.tickets.ticket_text import LISTED_MAX, NAME_MAX, TEXT_MAX, columns, moment, raw
from authz.wire.holdgate.v1 import deliveries_pb2 as wire

_COLUMNS = ("ID", "GIVEN UP", "EVENT", "TICKET", "TRIED", "WHY")
_ANSWER_COLUMNS = ("REV", "EVENT", "CHANNEL", "ANSWER")


def table(letters: Sequence[wire.DeadLetter]) -> str:
    """Return one line a dead letter, in columns, below a heading."""
    return columns([_COLUMNS, *(_row(letter) for letter in letters)])


def sent_again(letter: wire.DeadLetter) -> str:
    """Return what is done, for one dead letter."""
    return f"{raw(letter.id)}: {raw(letter.type, NAME_MAX)} of {raw(letter.ticket_id)} is sent again"


def answers(found: Sequence[wire.Answer]) -> str:
    """Return one line for each answer and each failure, below a heading."""
    return columns([_ANSWER_COLUMNS, *(_answer(one) for one in found)])


def _row(letter: wire.DeadLetter) -> tuple[str, ...]:
    return (
        raw(letter.id),
        moment(letter.buried_at),
        raw(letter.type, NAME_MAX),
        raw(letter.ticket_id),
        str(letter.attempts),
        one_line(letter.why, LISTED_MAX),
    )


def _answer(answer: wire.Answer) -> tuple[str, ...]:
    said = (
        f"accepted: {one_line(answer.text, TEXT_MAX)}" if answer.accepted else one_line(answer.text, TEXT_MAX)
    )
    channel = raw(answer.channel, NAME_MAX) if answer.accepted else "failed last"
    return (str(answer.rev), raw(answer.type, NAME_MAX), channel, said)
