"""One line of a demand: whose approval, and of how many of them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from authz.domain.identity import Actor, Identity


class ApproverKind(StrEnum):
    """How a seat names who may fill it."""

    GROUP = "group"
    USER = "user"
    ANY = "any"


@dataclass(frozen=True, slots=True)
class Approver:
    """`count` seats, each for one person of a group, for one named identity, or for anybody the directory knows."""

    kind: ApproverKind
    group: str = ""
    user: Identity | None = None
    count: int = 1

    def admits(self, actor: Actor) -> bool:
        """Say whether this actor may fill one of these seats, by groups of now."""
        match self.kind:
            case ApproverKind.GROUP:
                return self.group in actor.groups
            case ApproverKind.USER:
                return actor.identity == self.user
            case ApproverKind.ANY:
                return actor.person is not None

    @property
    def shown(self) -> str:
        """In words, for a card or a 202: `sre`, `a named person`, `anybody`."""
        match self.kind:
            case ApproverKind.GROUP:
                return self.group
            case ApproverKind.USER:
                return "a named person"
            case ApproverKind.ANY:
                return "anybody"
