"""An operator's rule that a test sets: who is kept from what."""

from __future__ import annotations

from collections.abc import Mapping

from authz.domain.identity import Actor
from authz.services.permissions import Action, Permission


class OperatorsRule:
    """Allows everything but `denied`, which are actions or (action, ticket id). `error` is raised at each question.

    `asked` are the actions that it was asked about.
    """

    def __init__(self) -> None:
        self.denied: set[Action | tuple[Action, str]] = set()
        self.reason = ""
        self.error: Exception | None = None
        self.asked: list[Action] = []

    async def permits(
        self,
        action: Action,
        actor: Actor,  # noqa: ARG002 - the port's
        subject: Mapping[str, object],
        timeout: float,  # noqa: ARG002 - the port's
    ) -> Permission:
        self.asked.append(action)
        if self.error is not None:
            raise self.error
        denied = action in self.denied or (action, str(subject.get("id", ""))) in self.denied
        return Permission(not denied, self.reason if denied else "")
