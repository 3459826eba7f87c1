from __future__ import annotations

import logging
from typing import Final

from holdgate_client.ticket import TOKEN

# At DEBUG these log the headers of every answer.
_LOGGERS: Final = ("httpcore.http11", "httpcore.http2")


class TicketRedaction(logging.Filter):
    """Takes the tokens of tickets out of log records; a filter for loggers and handlers of whatever logs headers."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let every record through, without tokens."""
        message = record.getMessage()
        redacted = TOKEN.sub(lambda token: f"[ticket {token[1]}]", message)
        if redacted != message:
            record.msg, record.args = redacted, None
        return True


_redaction: Final = TicketRedaction()


def redact_logs() -> None:
    """Keep tokens out of the logs of the library that httpx sends with. Once is enough; again does nothing."""
    for name in _LOGGERS:
        logging.getLogger(name).addFilter(_redaction)
