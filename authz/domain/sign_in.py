"""How strongly somebody signed in, against what the risk of a request asks for."""

from __future__ import annotations

from dataclasses import dataclass

from authz.domain.requirement import Risk

CLOCKS_APART_MS = 60_000
"""How far the clock that a sign-in was stamped by may be ahead of Redis's, by which votes are."""


@dataclass(frozen=True, slots=True)
class SignInRules:
    """What `risk: high` asks of a vote: one of these methods, used at most `max_age_ms` ago.

    HOLDGATE_STRONG_SIGN_IN and HOLDGATE_HIGH_RISK_SIGN_IN_AGE.
    """

    strong_methods: frozenset[str] = frozenset()
    max_age_ms: int = 5 * 60_000

    def meets(self, risk: Risk, method: str, signed_in_at: int, voted_at: int) -> bool:
        """Say whether a sign-in at `signed_in_at` is enough for a vote at `voted_at` (epoch ms both)."""
        if risk is Risk.NORMAL:
            return True
        age = voted_at - signed_in_at
        return method in self.strong_methods and -CLOCKS_APART_MS <= age <= self.max_age_ms
