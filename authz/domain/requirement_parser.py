"""Strict reading of `result.approval`: anything unknown or unclear is an error, never a weaker hold."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from authz.domain.duration import format_duration, parse_duration
from authz.domain.errors import PolicyMalformed
from authz.domain.identity import MAX_ID_LENGTH, Identity, is_identity_part
from authz.domain.limits import RequirementLimits
from authz.domain.requirement import Approver, ApproverKind, Requirement
from authz.domain.reserved_headers import is_reserved

_SLUG = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?", re.ASCII)
_HEADER_NAME = re.compile(r"[a-z0-9!#$%&'*+.^_`|~-]{1,100}", re.ASCII)
_KEYS = frozenset({"rule", "reason", "approvers", "expires_in", "grant", "bind", "notify", "show"})


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

    def parse(self, demand: object) -> Requirement:
        """Return the validated requirement. Raises PolicyMalformed."""
        fields = _mapping(demand, "approval")
        rule = fields.get("rule")
        if not isinstance(rule, str) or not _SLUG.fullmatch(rule):
            msg = f"approval.rule: {rule!r:.80} must be a slug of a-z, 0-9 and dashes, at most 64 characters"
            raise PolicyMalformed(msg)
        try:
            return self._parse(rule, fields)
        except PolicyMalformed as error:
            msg = f"rule {rule}: {error}"
            raise PolicyMalformed(msg) from error

    def _parse(self, rule: str, fields: Mapping[str, object]) -> Requirement:
        _only(fields, _KEYS, "approval")
        grant = _mapping(fields.get("grant", {}), "approval.grant")
        _only(grant, frozenset({"uses", "valid_for"}), "approval.grant")
        bind = _mapping(fields.get("bind", {}), "approval.bind")
        _only(bind, frozenset({"headers", "body"}), "approval.bind")
        limits, defaults = self._limits, self._defaults
        return Requirement(
            rule=rule,
            reason=self._text(fields.get("reason", ""), "approval.reason"),
            approvers=self._approvers(fields["approvers"]) if "approvers" in fields else self._nobody_named(),
            expires_in_ms=_duration(
                fields, "expires_in", "approval.expires_in", defaults.expires_in_ms, limits.expires_in_ms
            ),
            uses=_count(grant.get("uses", defaults.uses), "approval.grant.uses", limits.uses),
            valid_for_ms=_duration(
                grant, "valid_for", "approval.grant.valid_for", defaults.valid_for_ms, limits.valid_for_ms
            ),
            bind_headers=self._bind_headers(bind.get("headers", [])),
            bind_body=_bind_body(bind.get("body", True)),
            notify=self._notify(fields.get("notify", defaults.notify)),
            show=self._show(fields.get("show", [])),
        )

    def _nobody_named(self) -> tuple[Approver, ...]:
        if not self._defaults.approvers:
            msg = "approval.approvers: none given, and HOLDGATE_DEFAULT_APPROVERS is not set"
            raise PolicyMalformed(msg)
        return self._defaults.approvers

    def _approvers(self, value: object) -> tuple[Approver, ...]:
        entries = _list(value, "approval.approvers", self._limits.seats)
        if not entries:
            msg = "approval.approvers: an empty list could never be satisfied"
            raise PolicyMalformed(msg)
        approvers = tuple(
            self._approver(entry, f"approval.approvers[{i}]") for i, entry in enumerate(entries)
        )
        seats = sum(approver.count for approver in approvers)
        if seats > self._limits.seats:
            msg = f"approval.approvers: {seats} approvals are demanded; {self._limits.seats} is the limit"
            raise PolicyMalformed(msg)
        return approvers

    def _approver(self, value: object, where: str) -> Approver:
        entry = _mapping(value, where)
        _only(entry, frozenset({"group", "user", "any", "count"}), where)
        named = [key for key in ("group", "user", "any") if key in entry]
        if len(named) != 1:
            msg = f"{where}: name exactly one of group, user and any; got {named}"
            raise PolicyMalformed(msg)
        count = _count(entry.get("count", 1), f"{where}.count", self._limits.seats)
        if "group" in entry:
            group = entry["group"]
            if not isinstance(group, str) or not 0 < len(group) <= self._limits.text:
                msg = f"{where}.group: {group!r:.80} must be a group's name"
                raise PolicyMalformed(msg)
            return Approver(ApproverKind.GROUP, group=group, count=count)
        if "user" in entry:
            if count != 1:
                msg = f"{where}.count: one user is one approval; got {count}"
                raise PolicyMalformed(msg)
            return Approver(ApproverKind.USER, user=_identity(entry["user"], f"{where}.user"))
        if entry["any"] is not True:
            msg = f"{where}.any: only true makes sense; got {entry['any']!r:.80}"
            raise PolicyMalformed(msg)
        return Approver(ApproverKind.ANY, count=count)

    def _bind_headers(self, value: object) -> tuple[str, ...]:
        names = _list(value, "approval.bind.headers", self._limits.bind_headers)
        result = []
        for name in names:
            lowered = name.lower() if isinstance(name, str) else ""
            if not _HEADER_NAME.fullmatch(lowered):
                msg = f"approval.bind.headers: {name!r:.80} is not a header name (RFC 9110 section 5.1)"
                raise PolicyMalformed(msg)
            if is_reserved(lowered):
                # The retry carries the ticket and the held request didn't: it could never be redeemed.
                msg = f"approval.bind.headers: {name!r} is Holdgate's own and differs on every retry"
                raise PolicyMalformed(msg)
            result.append(lowered)
        return tuple(sorted(set(result)))

    def _notify(self, value: object) -> str:
        if not isinstance(value, str) or value not in self._routes:
            msg = f"approval.notify: no route {value!r:.80} in the settings; there are {sorted(self._routes)}"
            raise PolicyMalformed(msg)
        return value

    def _show(self, value: object) -> tuple[tuple[str, str], ...]:
        shown = []
        for i, item in enumerate(_list(value, "approval.show", self._limits.show)):
            where = f"approval.show[{i}]"
            entry = _mapping(item, where)
            _only(entry, frozenset({"title", "value"}), where)
            title = self._text(entry.get("title"), f"{where}.title")
            shown.append((title, self._text(entry.get("value"), f"{where}.value")))
        return tuple(shown)

    def _text(self, value: object, where: str) -> str:
        if not isinstance(value, str):
            msg = f"{where}: {value!r:.80} must be a string"
            raise PolicyMalformed(msg)
        if len(value) > self._limits.text:
            msg = f"{where}: {len(value)} characters; {self._limits.text} is the limit"
            raise PolicyMalformed(msg)
        return value


def _mapping(value: object, where: str) -> Mapping[str, object]:
    if not isinstance(value, Mapping):
        msg = f"{where}: {value!r:.80} must be an object"
        raise PolicyMalformed(msg)
    return value


def _list(value: object, where: str, limit: int) -> list[object]:
    if not isinstance(value, list):
        msg = f"{where}: {value!r:.80} must be an array"
        raise PolicyMalformed(msg)
    if len(value) > limit:
        msg = f"{where}: {len(value)} entries; {limit} is the limit"
        raise PolicyMalformed(msg)
    return value


def _only(fields: Mapping[str, object], known: frozenset[str], where: str) -> None:
    unknown = sorted(fields.keys() - known)
    if unknown:
        msg = f"{where}: unknown {unknown!r:.200}; known are {sorted(known)}"
        raise PolicyMalformed(msg)


def _count(value: object, where: str, limit: int) -> int:
    # bool is an int in Python; JSON's 1.0 is a float and not a count.
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= limit:
        msg = f"{where}: {value!r:.80} must be a whole number from 1 to {limit}"
        raise PolicyMalformed(msg)
    return value


def _duration(fields: Mapping[str, object], key: str, where: str, default: int, limit: int) -> int:
    if key not in fields:
        return default
    value = fields[key]
    if not isinstance(value, str):
        msg = f"{where}: {value!r:.80} must be a duration such as 30m"
        raise PolicyMalformed(msg)
    try:
        milliseconds = parse_duration(value)
    except ValueError as error:
        msg = f"{where}: {error}"
        raise PolicyMalformed(msg) from error
    if not 0 < milliseconds <= limit:
        msg = f"{where}: {value} must be more than 0s and at most {format_duration(limit)}"
        raise PolicyMalformed(msg)
    return milliseconds


def _bind_body(value: object) -> bool:
    if not isinstance(value, bool):
        msg = f"approval.bind.body: {value!r:.80} must be true or false"
        raise PolicyMalformed(msg)
    return value


def _identity(value: object, where: str) -> Identity:
    entry = _mapping(value, where)
    _only(entry, frozenset({"ns", "id"}), where)
    ns, identifier = entry.get("ns"), entry.get("id")
    if not (is_identity_part(ns) and is_identity_part(identifier)):
        msg = f"{where}: both ns and id are needed, as strings of 1 to {MAX_ID_LENGTH} characters"
        raise PolicyMalformed(msg)
    return Identity(ns, identifier)
