"""OPA asked as the check server asks it, with an input that no request is behind, and what it says of itself."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Final
from urllib.parse import quote, urlsplit

import httpx
import orjson

from authz.adapters.opa.client import OpaClient
from authz.adapters.opa.directory import OpaDirectory
from authz.domain.decision import read_decision
from authz.domain.errors import PolicyMalformed, PolicyUnavailable
from authz.domain.identity import Identity
from authz.services.doctor.document import Node
from authz.services.doctor.opa import OpaFacts

PATIENCE_SECONDS: Final = 5.0
_MAX_CONFIG: Final = 1 << 20
_DEFAULT_MASK: Final = "system/log/mask"
_NOBODY: Final = Identity("holdgate.invalid", "doctor")
_QUESTION: Final[Mapping[str, object]] = {
    "version": {"ext_authz": "v3", "encoding": "protojson"},
    "parsed_path": [".well-known", "holdgate-doctor"],
    "parsed_query": {},
    "parsed_body": None,
    "truncated_body": False,
    "attributes": {
        "request": {
            "http": {
                "id": "0",
                "method": "GET",
                "scheme": "https",
                "host": "holdgate.invalid",
                "path": "/.well-known/holdgate-doctor",
                "protocol": "HTTP/1.1",
                "headers": {
                    ":method": "GET",
                    ":path": "/.well-known/holdgate-doctor",
                    ":authority": "holdgate.invalid",
                    "user-agent": "holdgate-doctor",
                },
            }
        }
    },
}
"""A GET without body, caller or claims, for a path (RFC 8615) and a host (RFC 6761) that nobody has."""


@dataclass(frozen=True, slots=True)
class _Shown:
    """What a GET returned: the parsed body, None where it wasn't answered, and the Date of the answer."""

    document: object = None
    date: float | None = None


class OpaInspection:
    """One look at one OPA."""

    def __init__(
        self, facts: OpaFacts, url: str, *, max_answer_bytes: int, patience: float = PATIENCE_SECONDS
    ) -> None:
        """`facts` has what is known before: address, paths, timeout. `patience` in seconds bounds each question."""
        self._facts = facts
        self._url = url
        self._max_answer_bytes = max_answer_bytes
        self._patience = patience

    async def look(self) -> OpaFacts:
        """Ask, and return the facts. Only what can't be reached ends early."""
        client = OpaClient(self._url, connections=1, max_answer_bytes=self._max_answer_bytes)
        async with client, self._plain() as plain:
            facts = await self._decision(client)
            if facts.trouble:
                return facts
            facts = await self._directory(client, facts)
            facts = replace(facts, ready=await client.healthy(self._patience))
            return await self._config(client, plain, facts)

    async def _decision(self, client: OpaClient) -> OpaFacts:
        path = self._facts.decision_path
        try:
            await client.query(path, _QUESTION, self._patience)  # opens the connection
            started = time.monotonic()
            answer = await client.query(path, _QUESTION, self._patience)
        except PolicyUnavailable as error:
            return replace(self._facts, trouble=f"{str(error).rstrip('.')}.")
        except PolicyMalformed as error:
            return replace(self._facts, decision_error=str(error))
        facts = replace(
            self._facts, decision_ms=(time.monotonic() - started) * 1000, decision_defined=answer.defined
        )
        if answer.defined:
            try:
                read_decision(answer.result)
            except PolicyMalformed as error:
                return replace(facts, decision_shape=str(error))
        return facts

    async def _directory(self, client: OpaClient, facts: OpaFacts) -> OpaFacts:
        path = facts.directory_path
        try:
            person = await OpaDirectory(client, path).person(_NOBODY, self._patience)
            package = path.strip("/").rpartition("/")[0]
            # An unknown person is undefined too; only a package that is there shows that somebody would be known.
            there = person is not None or (await client.query(package, {}, self._patience)).defined
        except (PolicyUnavailable, PolicyMalformed) as error:
            return replace(facts, directory_error=str(error))
        return replace(facts, directory_defined=there)

    async def _config(self, client: OpaClient, plain: httpx.AsyncClient, facts: OpaFacts) -> OpaFacts:
        before = time.time()
        shown = await self._get(plain, "/v1/config")
        middle = (before + time.time()) / 2
        # The header counts whole seconds; the middle of one is the best guess.
        facts = replace(facts, skew=None if shown.date is None else shown.date + 0.5 - middle)
        config = Node(shown.document).at("result")
        if not config:
            return replace(facts, config_shown=False)
        logs = config.at("decision_logs")
        targets = logs.at("console").flag or bool(logs.at("service").text) or bool(logs.at("plugin").text)
        mask = logs.at("mask_decision").text.strip("/") or _DEFAULT_MASK
        try:
            masked = (await client.query(mask, {"input": {}, "result": {}}, self._patience)).defined
        except (PolicyUnavailable, PolicyMalformed):
            masked = False
        return replace(facts, version=config.at("labels", "version").text, logs=targets, masked=masked)

    def _plain(self) -> httpx.AsyncClient:
        parts = urlsplit(self._url)
        socket = parts.path if parts.scheme == "unix" else None
        return httpx.AsyncClient(
            transport=httpx.AsyncHTTPTransport(uds=socket, trust_env=False),
            base_url="http://opa" if socket else self._url.rstrip("/"),
            timeout=self._patience,
            trust_env=False,
        )

    async def _get(self, plain: httpx.AsyncClient, path: str) -> _Shown:
        try:
            async with plain.stream("GET", quote(path)) as response:
                date = _date(response.headers.get("date", ""))
                text = bytearray()
                async for chunk in response.aiter_bytes():
                    text += chunk
                    if len(text) > _MAX_CONFIG:
                        return _Shown(date=date)
                document = orjson.loads(text) if response.status_code == HTTPStatus.OK else None
                return _Shown(document, date)
        except (httpx.HTTPError, OSError, orjson.JSONDecodeError):
            return _Shown()


def _date(text: str) -> float | None:
    """Return an HTTP date (RFC 9110 section 5.6.7) as seconds since the epoch."""
    try:
        found: datetime = parsedate_to_datetime(text)
    except ValueError:
        return None
    return found.replace(tzinfo=found.tzinfo or UTC).timestamp()
