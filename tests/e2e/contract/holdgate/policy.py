"""Saying what the policy answers for one path."""

from __future__ import annotations

from collections.abc import Mapping

from tests.support.gate import Gate
from tests.support.gate_backing import fresh


def said(gate: Gate, document: Mapping[str, object], kind: str = "open") -> str:
    """Return a path of its own for which the policy answers with `document`."""
    path = fresh(kind)
    gate.backing.opa.say(path.rpartition("/")[2], document)
    return path
