"""What the doctor says: a severity, a stable code, what is wrong, and what to do."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """How bad it is. An error lets something through that shouldn't pass, or makes an answer impossible."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"
    OK = "ok"


class Area(StrEnum):
    """What was looked at; the groups of the report, in its order."""

    SETTINGS = "settings"
    OPA = "opa"
    REDIS = "redis"
    CHECK = "check server"
    ENVOY = "envoy"


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding. `subject` names what it is about (a listener, a route, a setting), or is empty.

    `problem` and `advice` are one sentence each; a finding that is ok has no advice. Either may hold names from an
    Envoy's configuration, so whoever prints them has to escape them. `unreachable` says that something couldn't be
    looked at because nothing answered.
    """

    severity: Severity
    code: str
    area: Area
    subject: str
    problem: str
    advice: str
    unreachable: bool = False


@dataclass(frozen=True, slots=True)
class Rule:
    """One thing that can be found: its code and severity never change, its sentences are the finding's."""

    code: str
    severity: Severity
    area: Area
    advice: str = ""
    unreachable: bool = False

    def found(self, subject: str, problem: str, advice: str = "") -> Finding:
        """Return the finding; `advice` replaces the rule's own where the case at hand tells more."""
        return Finding(
            self.severity, self.code, self.area, subject, problem, advice or self.advice, self.unreachable
        )
