"""Target: the bytes of a CheckRequest, under every kind of policy, and with an approved ticket in the store."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from functools import cache
from typing import Final

from authz.adapters.envoy.check_request import gated_request
from authz.adapters.envoy.grpc_body import GrpcBodies
from authz.adapters.envoy.request_body import BodyParser
from authz.adapters.telemetry.metrics import Metrics
from authz.domain.errors import PolicyUnavailable
from authz.entrypoints.check.handler import CheckHandler
from authz.services.check.call import CheckCall, Outcome
from authz.wire.ext_authz_pb2 import CheckRequest
from tests.fuzz.boundary import Boundary, inspect
from tests.support.check_requests import check_request
from tests.support.gated_requests import NAMESPACE
from tests.unit.check.world import HOLD, TICKET, World, allow_when_approved

_BODY_LIMIT = 50


def _unavailable(_document: object) -> PolicyUnavailable:
    """Make a new one each time: an exception that is raised again keeps all that it has been raised through."""
    return PolicyUnavailable("made up")


RESULTS: Final[Sequence[object]] = (
    *(True, False, HOLD, None, {"allowed": True, "headers": {"x-a": "1"}}, {"allowed": "yes"}),
    *({"allowed": False, "http_status": 404, "body": "x"}, _unavailable),
    {"allowed": True, "approval": HOLD["approval"]},
)
_ALLOWING = (0, 4)
# Behind the results: a policy that says yes to an approval, and an approved ticket for `approved_request`.
REDEEMING: Final = len(RESULTS)
_CHOICES = len(RESULTS) + 1


def approved_request() -> CheckRequest:
    """Return the request that was approved, with its ticket."""
    return check_request((TICKET, _token().encode()))


@cache
def _token() -> str:
    """Return the ticket that a new World gives first: its entropy is a count."""
    return asyncio.run(World().held(gated_request(check_request(), _BODY_LIMIT)))


def _bound(request: CheckRequest) -> tuple[object, ...]:
    """Return what no retry may differ in, read straight from the message."""
    attributes = request.attributes
    http = attributes.request.http
    claims = attributes.metadata_context.filter_metadata[NAMESPACE].fields["jwt"].struct_value.fields
    identity = claims["iss"].string_value, claims["sub"].string_value
    return http.method, http.scheme, http.host, http.path, http.raw_body or http.body.encode(), identity


class CheckBytes:
    """The first byte chooses what the policy says, the rest is what Envoy sends."""

    def __init__(self, descriptor_set: bytes) -> None:
        """`descriptor_set` describes the bodies of gRPC calls."""
        bodies = BodyParser(GrpcBodies(descriptor_set))
        self.seen: Counter[str] = Counter()
        self._world = World()
        self._boundary = Boundary(
            lambda: CheckHandler(self._judge, Metrics(), body_limit=_BODY_LIMIT, timeout=5, bodies=bodies)
        )

    def __call__(self, data: bytes) -> None:
        """Try one input. Raises AssertionError, and whatever the handler lets through."""
        if not data:
            return
        # Anew each time, so that nothing piles up in the store's double.
        self._world = World()
        choice = data[0] % _CHOICES
        if choice == REDEEMING:
            self._boundary.run(self._world.approved(gated_request(check_request(), _BODY_LIMIT)))
            self._world.policy.asked.clear()
            self._world.policy.result = allow_when_approved
        else:
            self._world.policy.result = RESULTS[choice]
        answer = self._boundary.call(data[1:])
        if answer is None:
            self.seen["no message"] += 1
            return
        self.seen[inspect(answer, lambda: self._allowed(choice, data[1:]))] += 1

    def close(self) -> None:
        self._boundary.close()

    def _allowed(self, choice: int, wire: bytes) -> bool:
        """Say whether the policy was asked about this request and allowed it."""
        if not self._world.policy.asked:
            return False
        if choice == REDEEMING:
            return _bound(CheckRequest.FromString(wire)) == _bound(check_request())
        return choice in _ALLOWING

    async def _judge(self, call: CheckCall) -> Outcome:
        return await self._world.service().check(call)
