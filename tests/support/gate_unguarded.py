"""A check server whose guards a test can take out one by one while it runs, for the controls.

The file named by UNGUARDED has the names of the guards that are out. With an empty file it is the shipped server.
"""

from __future__ import annotations

import asyncio
import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

from authz.adapters.envoy import policy_input as policy_input_module
from authz.adapters.redis.store import RedisTicketStore
from authz.domain import decision as decisions
from authz.domain import fingerprint as fingerprints
from authz.domain.answer import Forward, Kind
from authz.domain.approver import Approver, ApproverKind
from authz.domain.decision import Allow, Decision, Deny
from authz.domain.errors import PolicyMalformed
from authz.domain.fingerprint import Fingerprint
from authz.domain.header_mutation import Mutations
from authz.domain.identity import Identity, Principal
from authz.domain.request import CheckId
from authz.domain.requirement import Requirement
from authz.domain.requirement_parser import RequirementParser
from authz.domain.token import TokenMint
from authz.entrypoints import serving
from authz.entrypoints.check import handler
from authz.entrypoints.check.shedding import Shedding
from authz.entrypoints.demo.people import ISSUER
from authz.services.check import policy as policy_service
from authz.services.check import redeeming, service
from authz.services.check.call import Outcome
from authz.services.check.requesters import Requester, Requesters
from authz.services.ports import RedeemResult
from tests.support.requirements import requirement

VARIABLE = "UNGUARDED"
_RACE_SECONDS = 0.2
_WEAK = requirement(
    Approver(ApproverKind.ANY), rule="weak", expires_in_ms=60_000, valid_for_ms=60_000, bind_body=False
)


class Guards:
    """Which guards are out, for the test that takes them out."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.write_text("")

    @contextmanager
    def without(self, *names: str) -> Iterator[None]:
        """Take guards out until the block ends."""
        assert set(names) <= GUARDS.keys()
        self.path.write_text(" ".join(names))
        try:
            yield
        finally:
            self.path.write_text("")


def _out(name: str) -> bool:
    return name in Path(os.environ[VARIABLE]).read_text().split()


def _swap(owner: object, attribute: str, guard: str, instead: Callable[[Any], Any]) -> None:
    """Put `instead(original)` in the place of `owner.attribute`, used while the guard is out."""
    original = getattr(owner, attribute)
    unguarded = instead(original)

    def chosen(*args: Any, **named: Any) -> Any:  # noqa: ANN401 - any signature
        return (unguarded if _out(guard) else original)(*args, **named)

    setattr(owner, attribute, chosen)


def _boundary() -> None:
    _swap(handler, "failure", "boundary", lambda _: lambda _error: Outcome(Kind.ALLOW, Forward(Mutations())))


def _strict_decision() -> None:
    def lenient(original: Callable[[object], Decision]) -> Callable[[object], Decision]:
        def read(result: object) -> Decision:
            said = result.get("allowed") if isinstance(result, Mapping) else result
            return Decision(Allow()) if said else original(result)

        return read

    _swap(policy_service, "read_decision", "strict-decision", lenient)


def _strict_requirement() -> None:
    def lenient(original: Callable[..., Requirement]) -> Callable[..., Requirement]:
        def parse(parser: RequirementParser, demand: object) -> Requirement:
            try:
                return original(parser, demand)
            except PolicyMalformed:
                return _WEAK

        return parse

    _swap(RequirementParser, "parse", "strict-requirement", lenient)


def _held_status() -> None:
    _swap(decisions, "_held_status", "held-status", lambda _: lambda result: result.get("http_status"))


def _coalescing() -> None:
    def each_its_own(original: Any) -> Any:  # noqa: ANN401 - a method
        async def create(store: RedisTicketStore, draft: Any, *args: Any) -> Any:  # noqa: ANN401 - passed on
            salted = Fingerprint({**draft.fingerprint.parts, "salt": uuid4().hex})
            return await original(store, replace(draft, fingerprint=salted), *args)

        return create

    _swap(RedisTicketStore, "create", "coalescing", each_its_own)


def _atomic_redeem() -> None:
    def look_then_act(original: Any) -> Any:  # noqa: ANN401 - a method
        async def redeem(store: RedisTicketStore, ticket_id: str, *args: Any) -> RedeemResult:  # noqa: ANN401 - passed on
            loaded = await store.load(ticket_id)
            await asyncio.sleep(_RACE_SECONDS)
            if loaded is None or not loaded.ticket.uses_left:
                return RedeemResult.USED_UP
            await original(store, ticket_id, *args)
            return RedeemResult.REDEEMED

        return redeem

    _swap(RedisTicketStore, "redeem", "atomic-redeem", look_then_act)


def _replay() -> None:
    def each_is_new(original: Any) -> Any:  # noqa: ANN401 - a function
        def gated(check: Any, limit: int) -> Any:  # noqa: ANN401 - passed on
            return replace(original(check, limit), check_id=CheckId(uuid4().hex, 1))

        return gated

    _swap(handler, "gated_request", "replay", each_is_new)


def _strip() -> None:
    _swap(service, "stripped", "strip", lambda _: lambda _call, outcome: outcome)


def _ticket_out_of_input() -> None:
    _swap(policy_input_module, "carries_ticket", "ticket-out-of-input", lambda _: lambda _name: False)


def _mac() -> None:
    token = re.compile(r"hg1\.[a-z0-9]+\.([0-9a-f]{1,4}-[a-z2-7]{26})\..*", re.ASCII)

    def unsigned(_mint: TokenMint, text: str) -> str | None:
        match = token.fullmatch(text)
        return match.group(1) if match else None

    _swap(TokenMint, "verify", "mac", lambda _: unsigned)


class _Anybody(Identity):
    """Equal to whomever it is compared with."""

    def __ne__(self, other: object) -> bool:
        return False

    __hash__ = Identity.__hash__


def _owner() -> None:
    anybody = Principal(_Anybody("any", "body"))
    _swap(Requesters, "verified", "owner", lambda _: lambda _self, _request: anybody)


def _sender() -> None:
    alice = Principal(Identity(ISSUER, "alice"))
    _swap(Requesters, "verified", "sender", lambda _: lambda _self, _request: alice)


def _reserved_paths() -> None:
    _swap(service, "is_reserved_path", "reserved-paths", lambda _: lambda _path: False)


def _known_principal() -> None:
    nobody = Requester(Principal(Identity("nobody", "nobody")))
    _swap(Requesters, "of_hold", "known-principal", lambda _: lambda _self, _request, _named: nobody)


def _whole_body() -> None:
    _swap(fingerprints, "visible_body", "whole-body", lambda _: lambda request: request.body)


def _same_request() -> None:
    _swap(redeeming, "changed_parts", "same-request", lambda _: lambda _then, _now: ())


def _rebinding() -> None:
    _swap(redeeming, "refuse_rebinding", "rebinding", lambda _: lambda _mutations, _bound: None)


def _denial() -> None:
    def overruled(original: Any) -> Any:  # noqa: ANN401 - a method
        async def ask(policy: Any, call: Any, document: Mapping[str, object]) -> Any:  # noqa: ANN401 - passed on
            decision, decision_id = await original(policy, call, document)
            if "approval" in document and isinstance(decision.verdict, Deny):
                decision = Decision(Allow())
            return decision, decision_id

        return ask

    _swap(policy_service.Policy, "ask", "denial", overruled)


def _framing() -> None:
    _swap(policy_service, "refuse_reframing", "framing", lambda _: lambda _allow: None)
    _swap(policy_service, "refuse_content", "framing", lambda _: lambda _deny: None)


def _cancellation() -> None:
    original = handler.CheckHandler.Check

    async def check(self: handler.CheckHandler, request: Any, context: Any) -> Any:  # noqa: ANN401 - passed on
        judging = original(self, request, context)
        return await (asyncio.shield(judging) if _out("cancellation") else judging)

    setattr(handler.CheckHandler, "Check", check)  # noqa: B010 - mypy lets nobody assign to a method


def _shedding() -> None:
    original = Shedding.Check

    async def check(self: Shedding, request: Any, context: Any) -> Any:  # noqa: ANN401 - passed on
        return await (self._check(request, context) if _out("shedding") else original(self, request, context))

    setattr(Shedding, "Check", check)  # noqa: B010 - mypy lets nobody assign to a method


GUARDS: Mapping[str, Callable[[], None]] = {
    "boundary": _boundary,
    "strict-decision": _strict_decision,
    "strict-requirement": _strict_requirement,
    "held-status": _held_status,
    "coalescing": _coalescing,
    "atomic-redeem": _atomic_redeem,
    "replay": _replay,
    "strip": _strip,
    "ticket-out-of-input": _ticket_out_of_input,
    "mac": _mac,
    "owner": _owner,
    "sender": _sender,
    "reserved-paths": _reserved_paths,
    "known-principal": _known_principal,
    "whole-body": _whole_body,
    "same-request": _same_request,
    "rebinding": _rebinding,
    "denial": _denial,
    "framing": _framing,
    "cancellation": _cancellation,
    "shedding": _shedding,
}


def main() -> int:
    """Serve the check part. The arguments are those of `holdgate` and say nothing new."""
    for take_out in GUARDS.values():
        take_out()
    return serving.run(frozenset({serving.CHECK}))


if __name__ == "__main__":
    sys.exit(main())
