"""Dead letters in Redis itself, for whoever has its address and password and so needs nobody's leave."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

from authz import bootstrap
from authz.domain.errors import StoreUnavailable
from authz.domain.token import is_ticket_id
from authz.entrypoints.cli.failure import CommandFailed, ExitCode, bad_settings_named
from authz.entrypoints.management.letter_message import answer_message, letter_message
from authz.services.dead_letters import DeadLetterStore
from authz.settings_loader import load_settings
from authz.wire.holdgate.v1 import deliveries_pb2 as wire

T = TypeVar("T")


class DirectLetters:
    """Every method raises CommandFailed."""

    def __init__(self, runner: asyncio.Runner, letters: DeadLetterStore) -> None:
        self._runner = runner
        self._letters = letters

    def page(self, size: int, token: str) -> wire.ListDeadLettersResponse:
        """See Letters."""
        page = self._run(self._letters.page(size, token))
        letters = [letter_message(letter) for letter in page.letters]
        return wire.ListDeadLettersResponse(letters=letters, next_page_token=page.cursor)

    def replay(self, letter_id: str) -> wire.DeadLetter:
        """See Letters."""
        letter = self._run(self._letters.replay(letter_id))
        if letter is None:
            msg = "There is no such dead letter; somebody may have sent it again already."
            raise CommandFailed(msg, ExitCode.NOT_FOUND)
        if not letter.replayable:
            msg = "This entry can't be read, so it would be given up again."
            raise CommandFailed(msg, ExitCode.REFUSED)
        return letter_message(letter)

    def answers(self, ticket_id: str) -> Sequence[wire.Answer]:
        """See Letters."""
        if not is_ticket_id(ticket_id):
            msg = "There is no such ticket."
            raise CommandFailed(msg, ExitCode.NOT_FOUND)
        return [answer_message(answer) for answer in self._run(self._letters.answers(ticket_id))]

    def _run(self, work: Coroutine[object, object, T]) -> T:
        try:
            return self._runner.run(work)
        except StoreUnavailable as error:
            msg = f"{error}; does HOLDGATE_REDIS_URL lead to Holdgate's Redis?"
            raise CommandFailed(msg, ExitCode.UNAVAILABLE) from error


@contextmanager
def direct_letters() -> Iterator[DirectLetters]:
    """Open Redis by the settings for the length of a command. Raises CommandFailed."""
    with bad_settings_named():
        settings = load_settings()
        with asyncio.Runner() as runner:
            opening = bootstrap.open_outside(settings)
            outside = runner.run(opening.__aenter__())
            try:
                yield DirectLetters(runner, bootstrap.dead_letters(settings, outside))
            finally:
                runner.run(opening.__aexit__(None, None, None))
