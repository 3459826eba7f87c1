"""What a check is answered with, before it takes Envoy's form."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from authz.domain.header_mutation import Mutations, NameValues


class Kind(StrEnum):
    """The word for an outcome in metrics, logs and dynamic metadata."""

    ALLOW = "allow"
    DENY = "deny"
    HOLD = "hold"
    REFUSE = "refuse"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Forward:
    """Let the request through, changed like this."""

    mutations: Mutations = field(default_factory=Mutations)


@dataclass(frozen=True, slots=True)
class Respond:
    """Answer the client in the upstream's place. `headers` may repeat a name."""

    status: int
    headers: NameValues = ()
    body: bytes = b""
