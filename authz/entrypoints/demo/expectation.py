"""What a step of the walk demands of an answer."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

import httpx


class Mismatch(Exception):
    """A step got something else than it should have. All three are for people."""

    def __init__(self, what: str, expected: object, got: object) -> None:
        super().__init__(f"{what}: expected {expected!r}, got {got!r}")
        self.what = what
        self.expected = expected
        self.got = got


def expect(what: str, expected: object, got: object) -> None:
    """Raise Mismatch unless both are equal."""
    if expected != got:
        raise Mismatch(what, expected, got)


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer. `members` is empty when the body is no JSON object; header names are lowercase."""

    status: int
    headers: Mapping[str, str]
    members: Mapping[str, object]
    text: str

    @classmethod
    def of(cls, response: httpx.Response) -> Answer:
        """Read a response."""
        try:
            body = json.loads(response.content)
        except ValueError:
            body = None
        members = body if isinstance(body, dict) else {}
        return cls(response.status_code, dict(response.headers), members, response.text)

    def expect_status(self, expected: int) -> None:
        """Raise Mismatch for another status, showing what the answer said."""
        if self.status != expected:
            raise Mismatch("status", expected, f"{self.status} {self.text[:300]}")

    def expect_members(self, **expected: object) -> None:
        """Raise Mismatch unless the body has these members with these values."""
        got = {name: self.members.get(name, "(absent)") for name in expected}
        expect("body", expected, got)

    def header(self, name: str) -> str:
        """Return a header. Raises Mismatch when it is missing."""
        if not self.headers.get(name):
            raise Mismatch(f"header {name}", "a value", "none")
        return self.headers[name]

    def member(self, name: str) -> str:
        """Return a text member of the body. Raises Mismatch when it is missing or empty."""
        value = self.members.get(name)
        if not isinstance(value, str) or not value:
            raise Mismatch(f"body member {name}", "a text", value)
        return value

    def received(self) -> Mapping[str, str]:
        """Return the headers that the upstream says it got. Raises Mismatch when it wasn't reached."""
        headers = self.members.get("received")
        if not isinstance(headers, dict):
            raise Mismatch("answer of the upstream", "one that shows the headers received", self.text[:300])
        return headers
