"""Findings about many routes at once: one finding for each thing that is wrong, with the routes it is wrong for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from authz.services.doctor.finding import Finding, Rule

_NAMED: Final = 5


class Collected:
    """What was found about one subject and its routes; `about` names the subject."""

    def __init__(self, about: str) -> None:
        self._about = about
        self._said: dict[tuple[Rule, str], dict[str, None]] = {}

    def once(self, rule: Rule, sentence: str) -> None:
        """Note a sentence that is about no single route."""
        self._said[rule, sentence] = {}

    def of(self, rule: Rule, route: str, what: str) -> None:
        """Note that `what` (a sentence's end) is the case for a route."""
        self._said.setdefault((rule, what), {})[route] = None

    def findings(self) -> Iterator[Finding]:
        """Return one finding for each rule and sentence."""
        for (rule, what), routes in self._said.items():
            if not routes:
                yield rule.found(self._about, what)
                continue
            names = list(routes)
            more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
            noun = "Route" if len(names) == 1 else "Routes"
            yield rule.found(self._about, f"{noun} {', '.join(names[:_NAMED])}{more}: {what}.")
