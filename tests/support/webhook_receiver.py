"""A receiver of signed webhooks, as somebody would write one with the library of the specification."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from standardwebhooks.webhooks import Webhook, WebhookVerificationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tests.support.faulty_receiver import Fault

BODY_MAX = 256 * 1024


@dataclass(frozen=True)
class Accepted:
    """One event that arrived with a good signature."""

    headers: dict[str, str]
    event: dict[str, Any]


class WebhookReceiver:
    """Checks signature, age (5 minutes) and content type; keeps each id once, because events come at least once."""

    def __init__(self, secret: str, faults: Iterable[Fault] = ()) -> None:
        self._webhook = Webhook(secret)
        self._faults = deque(faults)
        self.accepted: dict[str, Accepted] = {}
        self.refused: list[str] = []
        self.requests = 0

    def path(self) -> str:
        return "/hooks/holdgate?token=s3cr3t-signature"

    def app(self) -> Starlette:
        elsewhere = Route("/elsewhere", self._elsewhere, methods=["GET", "POST"])
        return Starlette(routes=[Route("/hooks/holdgate", self._post, methods=["POST"]), elsewhere])

    async def _post(self, request: Request) -> Response:
        self.requests += 1
        body = await request.body()
        if len(body) > BODY_MAX:
            return self._refuse(413, "too large")
        if request.headers.get("content-type") != "application/cloudevents+json":
            return self._refuse(415, "not a CloudEvent")
        try:
            event = self._webhook.verify(body, dict(request.headers))
        except WebhookVerificationError as error:
            return self._refuse(401, str(error))
        if self._faults:
            fault = self._faults.popleft()
            return Response("x" * 100_000, status_code=fault.status, headers=dict(fault.headers))
        identifier = request.headers["webhook-id"]
        self.accepted.setdefault(identifier, Accepted(dict(request.headers), event))
        return Response("thank you", status_code=200)

    async def _elsewhere(self, _request: Request) -> Response:
        self.refused.append("a redirect was followed")
        return Response(status_code=204)

    def _refuse(self, status: int, why: str) -> Response:
        self.refused.append(why)
        return Response(why, status_code=status)
