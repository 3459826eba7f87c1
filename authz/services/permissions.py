"""Whether somebody may act on a ticket at all: the operator's rule, asked at each action."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, TypeAlias

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
    """No rule of the operator's: members of a demanded group decide, as the domain has it."""

    async def permits(
        self,
        action: Action,  # noqa: ARG002 - all the same
        actor: Actor,  # noqa: ARG002
        subject: Subject,  # noqa: ARG002
        timeout: float,  # noqa: ARG002
    ) -> Permission:
        """Leave it to the domain's rules."""
        return Permission(allowed=True)
