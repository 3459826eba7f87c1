"""Strict reading of `result.approval`: anything unknown or unclear is an error, never a weaker hold."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from authz.domain import policy_fields as read
from authz.domain.approver import Approver
from authz.domain.described_value import described
from authz.domain.errors import PolicyMalformed
from authz.domain.limits import RequirementLimits
from authz.domain.requirement import Demand, Escalation, Redeem, Requirement, Risk, Seats
from authz.domain.requirement_combining import combine
from authz.domain.reserved_headers import is_reserved
from authz.domain.seats_parser import SeatsParser

_HEADER_NAME = re.compile(r"[a-z0-9!#$%&'*+.^_`|~-]{1,100}", re.ASCII)
# RFC 6901 section 3, and not the empty pointer: a body of which everything is ignored is `body: false`.
_POINTER = re.compile(r"(?:/(?:[^/~\x00-\x1f]|~[01])*){1,32}")
_POINTER_MAX = 200
_KEYS = frozenset(
    {"rule", "reason", "approvers", "expires_in", "grant", "bind", "notify", "cc", "remind_after", "escalate"}
    | {"risk", "justification", "redeem", "wait", "show"}
)


@dataclass(frozen=True, slots=True)
class RequirementDefaults:
    """What applies where a policy says nothing: one approval by these, 30 minutes, one use, 15 minutes."""

    approvers: tuple[Approver, ...] = ()
    expires_in_ms: int = 30 * 60_000
    uses: int = 1
    valid_for_ms: int = 15 * 60_000
    notify: str = "default"


class RequirementParser:
    """Turns a policy's demand into a Requirement, or into an error that names rule, field and value."""

    def __init__(
        self, defaults: RequirementDefaults, limits: RequirementLimits, routes: frozenset[str]
    ) -> None:
        """`routes` are the names that `notify` may use; a card to nowhere would be a hold that nobody sees."""
        self._defaults = defaults
        self._limits = limits
        self._routes = routes
        self._seats = SeatsParser(limits)

    def parse(self, approval: object) -> Requirement:
        """Return the validated requirement of an object, or of an array of which all hold. Raises PolicyMalformed."""
        if not isinstance(approval, list):
            return self._one(approval, "approval")
        entries = read.array(approval, "approval", self._limits.demands)
        if not entries:
            msg = "approval: an empty array demands nobody, and would be a hold that nobody could end"
            raise PolicyMalformed(msg)
        return combine([self._one(entry, f"approval[{i}]") for i, entry in enumerate(entries)])

    def _one(self, demand: object, where: str) -> Requirement:
        fields = read.mapping(demand, where)
        rule = read.slug(fields.get("rule"), f"{where}.rule")
        try:
            read.only(fields, _KEYS, where)
            return self._read(rule, fields, where)
        except PolicyMalformed as error:
            msg = f"rule {rule}: {error}"
            raise PolicyMalformed(msg) from error

    def _read(self, rule: str, fields: Mapping[str, object], where: str) -> Requirement:
        limits, defaults = self._limits, self._defaults
        grant = read.mapping(fields.get("grant", {}), f"{where}.grant")
        read.only(grant, frozenset({"uses", "valid_for", "scope"}), f"{where}.grant")
        scope = read.slug(grant["scope"], f"{where}.grant.scope") if "scope" in grant else ""
        if scope and "bind" in fields:
            msg = f"{where}.bind: a grant with a scope is for any request, so nothing of one can be bound"
            raise PolicyMalformed(msg)
        bind = read.mapping(fields.get("bind", {}), f"{where}.bind")
        read.only(bind, frozenset({"headers", "body"}), f"{where}.bind")
        ignores = self._body_ignores(bind.get("body", True), f"{where}.bind.body")
        expires_in = self._duration(fields, "expires_in", where, defaults.expires_in_ms, limits.expires_in_ms)
        return Requirement(
            demands=(Demand(rule, self._reason(fields, where), self._alternatives(fields, where)),),
            expires_in_ms=expires_in,
            uses=read.count(
                # A session is as long as its window; only a rule that wants it counts its requests.
                grant.get("uses", limits.uses if scope else defaults.uses),
                f"{where}.grant.uses",
                limits.uses,
            ),
            valid_for_ms=self._duration(
                grant, "valid_for", f"{where}.grant", defaults.valid_for_ms, limits.valid_for_ms
            ),
            scope=scope,
            bind_headers=self._bind_headers(bind.get("headers", []), f"{where}.bind.headers"),
            bind_body=ignores is not None,
            body_ignores=ignores or (),
            notify=(read.route(fields.get("notify", defaults.notify), self._routes, f"{where}.notify"),),
            cc=self._cc(fields.get("cc", []), f"{where}.cc"),
            remind_after_ms=self._duration(fields, "remind_after", where, 0, expires_in),
            escalations=self._escalations(fields, where, expires_in),
            risk=self._risk(fields.get("risk", "normal"), f"{where}.risk"),
            justification_required=read.one_of(
                fields.get("justification", "optional"), ("optional", "required"), f"{where}.justification"
            )
            == "required",
            redeem=Redeem(
                read.one_of(fields.get("redeem", "header"), ("header", "repeat"), f"{where}.redeem")
            ),
            wait_ms=self._duration(fields, "wait", where, 0, limits.wait_ms, least=0),
            show=read.lines(fields.get("show", []), f"{where}.show", limits.show, limits.text),
        )

    def _reason(self, fields: Mapping[str, object], where: str) -> str:
        return read.text(fields.get("reason", ""), f"{where}.reason", self._limits.text)

    def _alternatives(self, fields: Mapping[str, object], where: str) -> tuple[Seats, ...]:
        if "approvers" in fields:
            return self._seats.alternatives(fields["approvers"], f"{where}.approvers")
        if not self._defaults.approvers:
            msg = f"{where}.approvers: none given, and HOLDGATE_DEFAULT_APPROVERS is not set"
            raise PolicyMalformed(msg)
        return (self._defaults.approvers,)

    def _risk(self, value: object, where: str) -> Risk:
        risk = Risk(read.one_of(value, ("normal", "high"), where))
        if risk is Risk.HIGH and not self._limits.high_risk:
            msg = f"{where}: no sign-in is strong enough for 'high'; name the strong ones in HOLDGATE_STRONG_SIGN_IN"
            raise PolicyMalformed(msg)
        return risk

    @staticmethod
    def _duration(  # noqa: PLR0913 - one field, its place and its bounds
        fields: Mapping[str, object], key: str, where: str, default: int, limit: int, *, least: int = 1
    ) -> int:
        return read.duration(fields[key], f"{where}.{key}", limit, least=least) if key in fields else default

    def _bind_headers(self, value: object, where: str) -> tuple[str, ...]:
        result = []
        for i, name in enumerate(read.array(value, where, self._limits.bind_headers)):
            lowered = name.lower() if isinstance(name, str) else ""
            if not _HEADER_NAME.fullmatch(lowered):
                msg = f"{where}[{i}]: {described(name)} is not a header name (RFC 9110 section 5.1)"
                raise PolicyMalformed(msg)
            if is_reserved(lowered):
                # The retry carries the ticket and the held request didn't: it could never be redeemed.
                msg = f"{where}[{i}]: {described(name)} is Holdgate's own and differs on every retry"
                raise PolicyMalformed(msg)
            result.append(lowered)
        return tuple(sorted(set(result)))

    def _body_ignores(self, value: object, where: str) -> tuple[str, ...] | None:
        """Return the pointers to what may differ, None for a body that isn't bound at all."""
        if isinstance(value, bool):
            return () if value else None
        if not isinstance(value, Mapping):
            msg = f"{where}: {described(value)} must be true, false or an object with ignore"
            raise PolicyMalformed(msg)
        read.only(value, frozenset({"ignore"}), where)
        pointers = read.array(value.get("ignore"), f"{where}.ignore", self._limits.body_ignores)
        for i, pointer in enumerate(pointers):
            if not isinstance(pointer, str) or len(pointer) > _POINTER_MAX or not _POINTER.fullmatch(pointer):
                msg = f"{where}.ignore[{i}]: {described(pointer)} is not a JSON pointer (RFC 6901) such as /clientToken"
                raise PolicyMalformed(msg)
        return tuple(sorted({str(pointer) for pointer in pointers}))

    def _cc(self, value: object, where: str) -> tuple[str, ...]:
        routes = read.array(value, where, self._limits.routes)
        return tuple(dict.fromkeys(read.route(route, self._routes, where) for route in routes))

    def _escalations(
        self, fields: Mapping[str, object], where: str, expires_in: int
    ) -> tuple[Escalation, ...]:
        if "escalate" not in fields:
            return ()
        where = f"{where}.escalate"
        entry = read.mapping(fields["escalate"], where)
        read.only(entry, frozenset({"after", "notify"}), where)
        after = read.duration(entry.get("after"), f"{where}.after", expires_in)
        return (Escalation(after, read.route(entry.get("notify"), self._routes, f"{where}.notify")),)
