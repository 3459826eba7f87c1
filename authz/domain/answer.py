"""What a check is answered with, before it takes Envoy's form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from authz.domain.header_mutation import Mutations, NameValues
from authz.domain.problems import Problem


class Kind(StrEnum):
    """The word for an outcome in metrics, logs and dynamic metadata."""

    ALLOW = "allow"
    DENY = "deny"
    HOLD = "hold"
    REFUSE = "refuse"
    ANSWER = "answer"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Forward:
    """Let the request through, changed like this."""

    mutations: Mutations = field(default_factory=Mutations)


@dataclass(frozen=True, slots=True)
class ProblemDetails:
    """What an answer of Holdgate's own says, before it is written down. `members` are the JSON body's."""

    problem: Problem
    members: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Respond:
    """Answer the client in the upstream's place. `headers` may repeat a name.

    `details` is None where the answer is the policy's own, else what headers and body say.
    """

    status: int
    headers: NameValues = ()
    body: bytes = b""
    details: ProblemDetails | None = field(default=None, compare=False)
