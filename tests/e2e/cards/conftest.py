from __future__ import annotations

from tests.e2e.console.conftest import chromium

__all__ = ["chromium"]
