"""Where a ticket to go on with comes from. Never from the arguments: everybody on the machine can read those."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from holdgate_client import Ticket

VARIABLE: Final = "HOLDGATE_TICKET"
_LONGEST: Final = 4096


def ticket_to_go_on_with(
    file: str | None, environ: Mapping[str, str], url: str, host: str | None
) -> Ticket | None:
    """Return the ticket in a file (`-` is stdin), else in HOLDGATE_TICKET, else None.

    Raises ValueError with a sentence that doesn't repeat the value, and OSError for the file.
    """
    if file is not None:
        text, source = _read(file), f"--ticket-file {file}"
    elif environ.get(VARIABLE):
        text, source = environ[VARIABLE], VARIABLE
    else:
        return None
    try:
        return Ticket.issued_by(url, text.strip(), host=host)
    except ValueError as error:
        raise ValueError(f"{source}: {error}") from None


def _read(file: str) -> str:
    if file == "-":
        return sys.stdin.read(_LONGEST)
    with Path(file).open(encoding="utf-8") as opened:
        return opened.read(_LONGEST)
