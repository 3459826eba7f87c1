from __future__ import annotations

from tests.e2e.gate.conftest import gate, shared_backing, shared_gate, shared_unguarded, unguarded

__all__ = ["gate", "shared_backing", "shared_gate", "shared_unguarded", "unguarded"]
