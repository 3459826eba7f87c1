from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

TYPE_PREFIX = "urn:holdgate:problem:"
MEDIA_TYPE = "application/problem+json"

_PASSING = frozenset({"unavailable", "too-many-tickets"})
_OWN = frozenset({"type", "title", "status", "detail", "token"})


@dataclass(frozen=True, slots=True)
class Problem:
    """Problem details (RFC 9457) that Holdgate answered with.

    `kind` is the last word of `type`, `status` HTTP's (0 from a gRPC call, which has none). `members` are the others,
    without the ticket's token. `retry_after` is in seconds, None where the answer named no time.
    """

    kind: str
    status: int
    title: str
    detail: str
    members: Mapping[str, object] = field(default_factory=dict)
    retry_after: float | None = None

    @property
    def passing(self) -> bool:
        """Whether the same request may be judged otherwise in a while, with nothing done about it."""
        return self.kind in _PASSING

    @property
    def type(self) -> str:
        """The absolute `type`, the same in every installation."""
        return TYPE_PREFIX + self.kind

    @classmethod
    def parse(
        cls, document: Mapping[str, object], status: int, retry_after: float | None = None
    ) -> Problem | None:
        """Read problem details; None when they aren't Holdgate's."""
        kind = document.get("type")
        if not isinstance(kind, str) or not kind.startswith(TYPE_PREFIX):
            return None
        others = {name: value for name, value in document.items() if name not in _OWN}
        return cls(
            kind.removeprefix(TYPE_PREFIX),
            status,
            _text(document.get("title")),
            _text(document.get("detail")),
            MappingProxyType(others),
            retry_after,
        )

    def text(self, name: str) -> str:
        """Return a member that is a text, empty where it isn't one or isn't there."""
        return _text(self.members.get(name))

    def texts(self, name: str) -> tuple[str, ...]:
        """Return a member that is a list of texts, empty where it isn't one or isn't there."""
        value = self.members.get(name)
        return tuple(entry for entry in value if isinstance(entry, str)) if isinstance(value, list) else ()


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
