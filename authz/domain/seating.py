"""Persons on seats: a maximum matching, so that nobody is counted twice and nobody's seat is given away badly.

Kuhn's augmenting paths (Naval Research Logistics Quarterly 1955). Both sides are bounded by the requirement's limits.
"""

from __future__ import annotations

from collections.abc import Sequence

from authz.domain.approver import Approver
from authz.domain.identity import Actor


def fill(seats: Sequence[Approver], voters: Sequence[Actor]) -> dict[int, int]:
    """Return a maximum matching as seat index → voter index. Each seat is one, whatever its approver's count says."""
    taken: dict[int, int] = {}

    def place(voter: int, tried: set[int]) -> bool:
        for seat, approver in enumerate(seats):
            if seat in tried or not approver.admits(voters[voter]):
                continue
            tried.add(seat)
            if seat not in taken or place(taken[seat], tried):
                taken[seat] = voter
                return True
        return False

    for voter in range(len(voters)):
        place(voter, set())
    return taken
