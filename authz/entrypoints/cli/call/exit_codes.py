"""How `holdgate call` ends; docs/call.md says the same."""

from __future__ import annotations

from enum import IntEnum


class CallExit(IntEnum):
    """What scripts may rely on. Those below 10 mean what they mean for every command."""

    DONE = 0
    REFUSED = 1
    USAGE = 2
    UNAVAILABLE = 4
    REJECTED = 10
    EXPIRED = 11
    TAKEN_BACK = 12
    USED_UP = 13
    CHANGED = 14
    HELD = 15
    LOST = 16
    NOT_DONE = 22
    INTERRUPTED = 130
