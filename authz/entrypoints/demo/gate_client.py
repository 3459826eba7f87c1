"""Sends the walk's requests through Envoy and shows them as one would type them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus

import httpx

from authz.entrypoints.demo.expectation import Answer
from authz.entrypoints.demo.people import SamplePerson
from authz.entrypoints.demo.ports import LOOPBACK
from authz.entrypoints.demo.screen import Screen
from authz.entrypoints.demo.signing import SigningKey

TICKET_HEADER = "x-approval-ticket"
_TIMEOUT = 20.0  # seconds; more than Envoy waits for anything here but a vote


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A request as a person sends it. `ticket` is a token; `body` is sent as JSON; `wait` is in seconds."""

    person: str
    method: str
    path: str
    ticket: str = ""
    body: Mapping[str, str] | None = None
    wait: int = 0

    def typed(self) -> str:
        """Return the curl line, with the shell variables that the walk's end tells to set."""
        parts = ["curl"] if self.method == "GET" else ["curl", "-X", self.method]
        parts += [f"$GATE{self.path}", "-H", f'"${self.person.upper()}"']
        if self.ticket:
            parts += ["-H", f'"{TICKET_HEADER}: $TICKET"']
        if self.wait:
            parts += ["-H", f'"prefer: wait={self.wait}"']
        if self.body is not None:
            body = json.dumps(self.body, separators=(",", ":"))
            parts += ["--json", f"'{body}'"]
        return " ".join(parts)


class GateClient:
    """One HTTP client for all sample people."""

    def __init__(
        self, port: int, key: SigningKey, people: Mapping[str, SamplePerson], screen: Screen
    ) -> None:
        self._client = httpx.AsyncClient(
            base_url=f"http://{LOOPBACK}:{port}", trust_env=False, timeout=_TIMEOUT
        )
        self._key = key
        self._people = people
        self._screen = screen

    def name(self, person: str) -> str:
        """Return what a person is called."""
        return self._people[person].name

    async def send(self, call: Call) -> Answer:
        """Send a request, and show it with the status it got."""
        person = self._people[call.person]
        headers = {"authorization": f"Bearer {self._key.token(person.subject, person.name)}"}
        if call.ticket:
            headers[TICKET_HEADER] = call.ticket
        if call.wait:
            headers["prefer"] = f"wait={call.wait}"
        self._screen.typed(call.typed())
        response = await self._client.request(
            call.method, call.path, headers=headers, json=call.body, timeout=_TIMEOUT + call.wait
        )
        self._screen.status(response.status_code, HTTPStatus(response.status_code).phrase)
        return Answer.of(response)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()
