"""Whether somebody may act on a ticket at all: the operator's rule, asked at each action."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, TypeAlias, cast

from authz.domain.identity import Actor


class Action(StrEnum):
    """What people do. The words are those of the vote path's input."""

    VIEW = "view"
    REQUEST = "request"
    APPROVE = "approve"
    REJECT = "reject"
    WITHDRAW = "withdraw"
    CANCEL = "cancel"
    REVOKE = "revoke"
    BREAK_GLASS = "break_glass"
    REVIEW = "review"


@dataclass(frozen=True, slots=True)
class Permission:
    """Yes, or no with a sentence for the actor (empty where the rule gave none)."""

    allowed: bool
    reason: str = ""


Subject: TypeAlias = Mapping[str, object]
"""The ticket or review that an action is about (`vote_subject`)."""


class VoteRule(Protocol):
    """Decides on top of what the code never lets anybody do: it can only allow less."""

    async def permits(self, action: Action, actor: Actor, subject: Subject, timeout: float) -> Permission:
        """Decide about one action within `timeout` seconds.

        Raises PolicyUnavailable, and PolicyMalformed for an answer that is neither yes nor no.
        """
        ...


class BuiltInRule:
    """No rule of the operator's: whom a demand names decides, as the domain has it, and whom a review names reviews."""

    async def permits(
        self,
        action: Action,
        actor: Actor,
        subject: Subject,
        timeout: float,  # noqa: ARG002 - answers at once
    ) -> Permission:
        """Leave all but reviews to the domain's rules, which know nothing of reviewers."""
        if action is not Action.REVIEW or asked_to_review(subject, actor):
            return Permission(allowed=True)
        return Permission(
            allowed=False,
            reason="This review is for people of the group that the rule names, and for default approvers.",
        )


def asked_to_review(subject: Subject, actor: Actor) -> bool:
    """Say whether a subject has a seat for somebody: by one of their groups, or because it is for any person."""
    each = cast("Sequence[Sequence[Mapping[str, object]]]", subject["approvers"])
    return actor.person is not None and any(
        seat.get("group") in actor.groups or "any" in seat for seats in each for seat in seats
    )
