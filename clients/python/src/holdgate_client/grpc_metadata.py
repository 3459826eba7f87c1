from __future__ import annotations

from collections.abc import Iterable

from holdgate_client.ticket import HEADER, Ticket

Pair = tuple[str, str | bytes]


def take_ticket(metadata: Iterable[Pair] | None) -> tuple[tuple[Pair, ...], Ticket | None]:
    """Part the ticket to go on with from the rest of a call's metadata. Raises ValueError where it is none."""
    pairs = tuple(metadata or ())
    written = [value for name, value in pairs if name == HEADER]
    if len(written) != 1:
        return pairs, None  # several would be refused by the gate, as they should be
    token = written[0]
    rest = tuple(pair for pair in pairs if pair[0] != HEADER)
    return rest, Ticket(token if isinstance(token, str) else token.decode("latin-1"))


def beside(metadata: tuple[Pair, ...], ticket: Ticket | None, keep_open: int) -> tuple[Pair, ...]:
    """Return a call's metadata with the ticket, and with the seconds that the gate may keep the call open."""
    pairs = metadata
    if ticket is not None:
        pairs += ((HEADER, ticket.token),)
    if keep_open:
        pairs += (("prefer", f"wait={keep_open}"),)
    return pairs
