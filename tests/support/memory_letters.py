"""Dead letters in memory."""

from __future__ import annotations

from collections.abc import Sequence

from authz.services.dead_letters import ChannelAnswer, DeadLetter, LetterPage


def letter(number: int = 1, **changes: object) -> DeadLetter:
    """Return a dead letter whose id follows from `number`."""
    fields: dict[str, object] = {
        "entry": f"0:{1_767_000_000_000 + number}-0",
        "type": "ticket.created",
        "ticket_id": "0-" + "a" * 26,
        "rev": 1,
        "attempts": 8,
        "why": "mail: the mail server answered 550; teams: the webhook answered 404: check the address",
        "buried_at": 1_767_000_000_000 + number,
        "happened_at": 1_766_999_990_000,
        "replayable": True,
    }
    return DeadLetter(**(fields | changes))  # type: ignore[arg-type]  # as the tests name them


class MemoryLetters:
    """Keeps them newest first; a cursor is the id of the last one shown."""

    def __init__(self) -> None:
        self.letters: list[DeadLetter] = []
        self.sent: list[str] = []
        self.said: dict[str, Sequence[ChannelAnswer]] = {}

    async def page(self, limit: int, cursor: str) -> LetterPage:
        names = [one.entry for one in self.letters]
        if cursor and cursor not in names:
            raise ValueError(cursor)
        start = names.index(cursor) + 1 if cursor else 0
        shown = self.letters[start : start + limit]
        more = start + limit < len(self.letters)
        return LetterPage(shown, shown[-1].entry if more else "")

    async def replay(self, entry: str) -> DeadLetter | None:
        found = next((one for one in self.letters if one.entry == entry), None)
        if found is not None and found.replayable:
            self.letters.remove(found)
            self.sent.append(entry)
        return found

    async def answers(self, ticket_id: str) -> Sequence[ChannelAnswer]:
        return self.said.get(ticket_id, [])
