"""What there is in a Slack that is a double: who and what is where, and how it refuses."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

TEAM = "T0HOLDGATE"
FOREIGN_TEAM = "T0FOREIGN"
CHANNEL = "C0APPROVALS"
BOT_TOKEN = "xoxb-1-made-up"
APP_TOKEN = "xapp-1-made-up"
SIGNING_SECRET = "a-made-up-signing-secret"
TRIGGER_SECONDS = 3.0
PERSONAL = "D0"

Document = dict[str, Any]


@dataclass
class Message:
    """A message as it is now, and everything that it said before."""

    channel: str
    ts: str
    text: str
    blocks: list[Document]
    thread: str = ""
    before: list[list[Document]] = field(default_factory=list)


@dataclass
class Whisper:
    """What one person alone saw."""

    channel: str
    user: str
    text: str
    blocks: list[Document]


@dataclass
class Window:
    """A modal that is open for somebody."""

    id: str
    user: str
    view: Document


class Refused(Exception):
    """Slack's `ok: false`."""

    def __init__(self, code: str, status: int = 200, after_s: int | None = None, **more: object) -> None:
        super().__init__(code)
        self.answer = {"ok": False, "error": code, **more}
        self.status = status
        self.headers = {} if after_s is None else {"Retry-After": str(after_s)}
