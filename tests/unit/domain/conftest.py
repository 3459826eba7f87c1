"""Properties are about values here: an example that took long on a busy machine has not failed."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("values", deadline=None)
settings.load_profile("values")
