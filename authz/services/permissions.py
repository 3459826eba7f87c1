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
    AUDIT = "audit"


@dataclass(frozen=True, slots=True)
class Permission:
    """Yes, or no with a sentence for the actor (empty where the rule gave none)."""

    allowed: bool
    reason: str = ""


_DECISIONS = frozenset({Action.APPROVE, Action.REJECT, Action.REVIEW})
_OF_WHOM_IT_ASKS = _DECISIONS | {Action.WITHDRAW, Action.BREAK_GLASS, Action.VIEW, Action.REVOKE}
_OF_THE_REQUESTER = frozenset({Action.CANCEL, Action.VIEW, Action.REVOKE})
_OF_A_VOTER = frozenset({Action.WITHDRAW, Action.VIEW})

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
    """The rule where the operator has none. It says what the library's `holdgate.voting` says, word for word."""

    def __init__(self, auditors: frozenset[str] = frozenset()) -> None:
        """`auditors` are the groups of whoever may look at everything, as `data.voting.auditors` of the library."""
        self._auditors = auditors

    async def permits(
        self,
        action: Action,
        actor: Actor,
        subject: Subject,
        timeout: float,  # noqa: ARG002 - answers at once
    ) -> Permission:
        """Let those act whom the subject asks, and let them and the requester look."""
        if self._audits(actor) if action is Action.AUDIT else _permitted(action, actor, subject):
            return Permission(allowed=True)
        return Permission(allowed=False, reason=_reason(action, actor, subject))

    def _audits(self, actor: Actor) -> bool:
        return actor.person is not None and bool(self._auditors & frozenset(actor.groups))


def _permitted(action: Action, actor: Actor, subject: Subject) -> bool:
    if action in _DECISIONS and _own(subject, actor):
        return False
    return (
        action is Action.REQUEST
        or (action in _OF_WHOM_IT_ASKS and _asked(subject, actor))
        or (action in _OF_THE_REQUESTER and _own(subject, actor))
        or (action in _OF_A_VOTER and _voted(subject, actor))
    )


def _reason(action: Action, actor: Actor, subject: Subject) -> str:
    if action is Action.CANCEL:
        return "Only who asked for this can take it back; you can reject it."
    if actor.person is None:
        return "The directory doesn't know you."
    if action in _DECISIONS and _own(subject, actor):
        return "You asked for this yourself, so somebody else has to decide."
    if action is Action.AUDIT:
        return "You are in none of the groups that may read the audit."
    return "This rule asks for other people than you."


def _asked(subject: Subject, actor: Actor) -> bool:
    """Say whether a subject has a seat for somebody: by a group, by name, or because it is for any person."""
    if actor.person is None:
        return False
    user = {"ns": actor.identity.ns, "id": actor.identity.id}
    each = cast("Sequence[Sequence[Mapping[str, object]]]", subject["approvers"])
    return any(
        seat.get("group") in actor.groups or seat.get("user") == user or seat.get("any") is True
        for seats in each
        for seat in seats
    )


def _own(subject: Subject, actor: Actor) -> bool:
    """Say whether somebody sent the request, with this identity or with another one of the same person."""
    requester = cast("Mapping[str, object]", subject["requester"])
    if (requester["ns"], requester["id"]) == (actor.identity.ns, actor.identity.id):
        return True
    return actor.person is not None and requester["person"] == actor.person.id


def _voted(subject: Subject, actor: Actor) -> bool:
    """Say whether a vote of this person's is there; who has left the group may still take theirs back."""
    votes = cast("Sequence[Mapping[str, Mapping[str, object]]]", subject["votes"])
    return actor.person is not None and any(vote["by"]["person"] == actor.person.id for vote in votes)
