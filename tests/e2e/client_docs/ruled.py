"""A gate whose policy is a rule that docs/client.md shows."""

from __future__ import annotations

from typing import Final

DECISION: Final = "clients/allow"
"""HOLDGATE_OPA_DECISION_PATH of the rules' package."""

DECIDES: Final = """
package clients

import data.holdgate.decision

allow := decision.from({"allow": {true}, "deny": set(), "hold": hold})
"""
"""What turns the rules into decisions: everything that they don't hold is allowed."""
