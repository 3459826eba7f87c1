"""Reading `approvers`: who must agree, as one list or as alternatives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from authz.domain import policy_fields as read
from authz.domain.approver import Approver, ApproverKind
from authz.domain.described_value import described
from authz.domain.errors import PolicyMalformed
from authz.domain.limits import RequirementLimits
from authz.domain.requirement import Seats

_KINDS = ("group", "user", "any")
_KEYS = frozenset({*_KINDS, "count"})
_LEAST_ALTERNATIVES = 2


@dataclass(frozen=True, slots=True)
class SeatsParser:
    """Reads who may fill which seats, within the limits."""

    limits: RequirementLimits

    def alternatives(self, value: object, where: str) -> tuple[Seats, ...]:
        """Return the alternatives, one for a plain list. Raises PolicyMalformed."""
        if not isinstance(value, Mapping):
            return (self._seats(value, where),)
        read.only(value, frozenset({"one_of"}), where)
        where = f"{where}.one_of"
        entries = read.array(value.get("one_of"), where, self.limits.alternatives)
        if len(entries) < _LEAST_ALTERNATIVES:
            msg = f"{where}: {len(entries)} alternatives; at least {_LEAST_ALTERNATIVES} make a choice"
            raise PolicyMalformed(msg)
        return tuple(self._seats(entry, f"{where}[{i}]") for i, entry in enumerate(entries))

    def _seats(self, value: object, where: str) -> Seats:
        entries = read.array(value, where, self.limits.seats)
        if not entries:
            msg = f"{where}: an empty list could never be satisfied"
            raise PolicyMalformed(msg)
        approvers = tuple(self._approver(entry, f"{where}[{i}]") for i, entry in enumerate(entries))
        seats = sum(approver.count for approver in approvers)
        if seats > self.limits.seats:
            msg = f"{where}: {seats} approvals are demanded; {self.limits.seats} is the limit"
            raise PolicyMalformed(msg)
        return approvers

    def _approver(self, value: object, where: str) -> Approver:
        entry = read.mapping(value, where)
        read.only(entry, _KEYS, where)
        named = [key for key in _KINDS if key in entry]
        if len(named) != 1:
            msg = f"{where}: name exactly one of group, user and any; got {named}"
            raise PolicyMalformed(msg)
        count = read.count(entry.get("count", 1), f"{where}.count", self.limits.seats)
        if "group" in entry:
            group = entry["group"]
            if not isinstance(group, str) or not 0 < len(group) <= self.limits.text:
                msg = f"{where}.group: {described(group)} must be a group's name"
                raise PolicyMalformed(msg)
            return Approver(ApproverKind.GROUP, group=group, count=count)
        if "user" in entry:
            if count != 1:
                msg = f"{where}.count: one user is one approval; got {count}"
                raise PolicyMalformed(msg)
            return Approver(ApproverKind.USER, user=read.identity(entry["user"], f"{where}.user"))
        if entry["any"] is not True:
            msg = f"{where}.any: only true makes sense; got {described(entry['any'])}"
            raise PolicyMalformed(msg)
        return Approver(ApproverKind.ANY, count=count)
