"""What to do about a problem, for each kind of those who meet it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

_NOTHING: Mapping[str, object] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Advice:
    """Texts in Markdown without links, so that they can be read as they are.

    `client` is for programs, `person` for whoever started them, `agent` for AI agents; `retry` says whether sending
    the request again helps, `operator` what there is to set or
    mend. `example` has the members that only this problem has.
    """

    happened: str
    client: str
    person: str
    agent: str
    retry: str
    operator: str = ""
    example: Mapping[str, object] = field(default_factory=lambda: _NOTHING)


AGENT_STOPS: Final = (
    "Don't send it again by yourself. Tell the person you work for what happened, and let them decide."
)
