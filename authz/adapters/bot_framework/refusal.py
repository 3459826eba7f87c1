"""Why something that came in is not taken for an activity of the bot's.

HoldgateError
├── ActivityRefused        nobody proved that the vendor sent this -> 401, whatever the reason
│   └── KeysUnavailable        the vendor's keys can't be had, so nothing can be proven
└── ActivityMalformed      the vendor sent it, and it can't be read -> 400
"""

from __future__ import annotations

from authz.domain.errors import HoldgateError


class ActivityRefused(HoldgateError):
    """Not proven to be the vendor's. `code` is stable; code and message are for our log, and for no caller."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class KeysUnavailable(ActivityRefused):
    """The key service gives no answer. The vendor wants 401 for this as well: it sends again, or tells the user."""

    def __init__(self, message: str) -> None:
        super().__init__("keys-unavailable", message)


class ActivityMalformed(HoldgateError):
    """Not an activity that can be read. The message names what is wrong, and no value."""
