"""How strongly somebody signed in, against what the risk of a request asks for."""

from __future__ import annotations

from dataclasses import dataclass

from authz.domain.requirement import Risk

CLOCKS_APART_MS = 60_000
"""How far the clock that stamped a sign-in, the identity provider's, may be ahead of Redis's, which stamps votes.

It is the only slack there is: such a sign-in counts as recent for as much longer, and one of a clock that is behind
for as much less.
"""


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
        recent = signed_in_at - CLOCKS_APART_MS <= voted_at <= self._recent_until(signed_in_at)
        return recent and method in self.strong_methods

    def counts_until(self, risk: Risk, signed_in_at: int) -> int | None:
        """Return the last moment (epoch ms) at which a vote with this sign-in counts; None where its age is no matter.

        What was judged when the ticket was read is judged again by this where the vote gets its time, so that a vote
        that was recorded is one that counts.
        """
        return None if risk is Risk.NORMAL else self._recent_until(signed_in_at)

    def _recent_until(self, signed_in_at: int) -> int:
        return signed_in_at + self.max_age_ms
