"""What was found when OPA was asked a harmless question."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from authz.services.doctor.finding import Area, Finding, Rule, Severity
from authz.services.doctor.timing import SLOW_SHARE, clock_text, skewed

_ERROR, _WARNING, _INFO = Severity.ERROR, Severity.WARNING, Severity.INFO

OPA_OK = Rule("opa-answers", Severity.OK, Area.OPA)
OPA_UNREACHABLE = Rule(
    "opa-unreachable",
    _ERROR,
    Area.OPA,
    "Start OPA, or correct HOLDGATE_OPA_URL; until then every request gets a 503.",
    unreachable=True,
)
OPA_PLAINTEXT = Rule(
    "opa-plaintext",
    _WARNING,
    Area.OPA,
    "Run OPA on the same machine, or use https://: who can change answers on the way decides every request.",
)
OPA_NOT_READY = Rule(
    "opa-not-ready", _ERROR, Area.OPA, "OPA's own log says which bundle or plugin it waits for."
)
OPA_OLD = Rule("opa-version-old", _WARNING, Area.OPA, "Upgrade it: the shipped policies are Rego v1.")
OPA_CONFIG_HIDDEN = Rule(
    "opa-config-hidden",
    _INFO,
    Area.OPA,
    "Look yourself at its version, and whether its decision log is on and masked.",
)
DECISION_UNDEFINED = Rule(
    "opa-decision-undefined",
    _ERROR,
    Area.OPA,
    "Load the policy, correct HOLDGATE_OPA_DECISION_PATH, or give the rule a default.",
)
DECISION_FAILED = Rule(
    "opa-decision-failed", _ERROR, Area.OPA, "OPA's own log names the place in the policy."
)
DECISION_SHAPE = Rule(
    "opa-decision-shape",
    _ERROR,
    Area.OPA,
    "Let the rule be a boolean or an object with a boolean `allowed`, as docs/policies.md describes.",
)
OPA_LATE = Rule(
    "opa-late", _ERROR, Area.OPA, "Make the policy faster, bring OPA nearer, or raise HOLDGATE_OPA_TIMEOUT."
)
OPA_SLOW = Rule("opa-slow", _WARNING, Area.OPA, "Look for what takes long: `opa bench`, network, load.")
DIRECTORY_UNDEFINED = Rule(
    "opa-directory-undefined",
    _WARNING,
    Area.OPA,
    "Load policies/library or a directory of your own, or correct HOLDGATE_OPA_DIRECTORY_PATH.",
)
DIRECTORY_FAILED = Rule(
    "opa-directory-failed",
    _ERROR,
    Area.OPA,
    "Let the rule answer {id, name, groups: [...]} or be undefined, as docs/policies.md describes.",
)
LOGS_OFF = Rule(
    "opa-decision-log-off",
    _INFO,
    Area.OPA,
    "Set decision_logs as policies/opa/config.yaml does, so that records can be joined by decision_id.",
)
LOGS_UNMASKED = Rule(
    "opa-decision-log-unmasked",
    _WARNING,
    Area.OPA,
    "Load policies/opa/mask.rego: an input has authorization, cookies and bodies.",
)
OPA_CLOCK = Rule("opa-clock", _WARNING, Area.OPA, "Keep both clocks with NTP: policies compare times.")

_OLDEST: Final = (1, 0)
_VERSION: Final = re.compile(r"v?(\d{1,4})\.(\d{1,4})")


@dataclass(frozen=True, slots=True, kw_only=True)
class OpaFacts:
    """What OPA did. `where` is its address without credentials; times in milliseconds, `skew` in seconds.

    `trouble` says why it can't be reached, or is empty; then nothing else was seen. `decision_error` is the
    server's own complaint about the answer, `decision_shape` about the result. `directory_defined` is None where
    nobody could tell. `config_shown` is whether /v1/config was answered; `logs` whether it has a decision log and
    `masked` whether the mask rule that it names is there.
    """

    where: str
    local: bool
    encrypted: bool
    timeout: int
    decision_path: str
    directory_path: str
    trouble: str = ""
    ready: bool = True
    decision_defined: bool = True
    decision_error: str = ""
    decision_shape: str = ""
    decision_ms: float = 0.0
    directory_defined: bool | None = True
    directory_error: str = ""
    config_shown: bool = True
    version: str = ""
    logs: bool = False
    masked: bool = False
    skew: float | None = None


def judge_opa(facts: OpaFacts) -> Iterator[Finding]:
    """Return what is to be said about OPA."""
    subject = facts.where
    if not (facts.local or facts.encrypted):
        yield OPA_PLAINTEXT.found(subject, "Questions and answers go over the network unencrypted.")
    if facts.trouble:
        yield OPA_UNREACHABLE.found(subject, facts.trouble)
        return
    yield OPA_OK.found(
        subject, f"OPA {facts.version or 'of unknown version'} answered in {facts.decision_ms:.0f} ms."
    )
    version = _VERSION.match(facts.version)
    if version and (int(version[1]), int(version[2])) < _OLDEST:
        yield OPA_OLD.found(subject, f"OPA {facts.version} is older than 1.0.")
    if not facts.ready:
        yield OPA_NOT_READY.found(subject, "Its health check says that bundles or plugins aren't ready.")
    yield from _decision(facts)
    yield from _directory(facts)
    if not facts.config_shown:
        yield OPA_CONFIG_HIDDEN.found(subject, "It doesn't show its configuration (/v1/config).")
    elif not facts.logs:
        yield LOGS_OFF.found(subject, "Its decision log is off, so its answers have no decision_id.")
    elif not facts.masked:
        yield LOGS_UNMASKED.found(
            subject, "Its decision log is on, and the rule that should mask it isn't there."
        )
    if facts.skew is not None and skewed(facts.skew):
        yield OPA_CLOCK.found(subject, f"OPA's clock is {clock_text(facts.skew)}.")


def _decision(facts: OpaFacts) -> Iterator[Finding]:
    subject = f"data.{facts.decision_path.strip('/').replace('/', '.')}"
    if facts.decision_error:
        yield DECISION_FAILED.found(
            subject, f"A GET without a caller can't be decided: {facts.decision_error}."
        )
    elif not facts.decision_defined:
        yield DECISION_UNDEFINED.found(
            subject, "It is undefined for a GET without a caller; such requests get a 503."
        )
    elif facts.decision_shape:
        yield DECISION_SHAPE.found(subject, f"The answer can't be obeyed: {facts.decision_shape}.")
    if facts.decision_ms > facts.timeout:
        yield OPA_LATE.found(
            subject,
            f"One answer took {facts.decision_ms:.0f} ms, and HOLDGATE_OPA_TIMEOUT is {facts.timeout} ms.",
        )
    elif facts.decision_ms > facts.timeout * SLOW_SHARE:
        yield OPA_SLOW.found(
            subject,
            f"One answer took {facts.decision_ms:.0f} of the {facts.timeout} ms of HOLDGATE_OPA_TIMEOUT.",
        )


def _directory(facts: OpaFacts) -> Iterator[Finding]:
    subject = f"data.{facts.directory_path.strip('/').replace('/', '.')}"
    if facts.directory_error:
        yield DIRECTORY_FAILED.found(subject, f"Nobody can be looked up: {facts.directory_error}.")
    elif facts.directory_defined is False:
        yield DIRECTORY_UNDEFINED.found(
            subject, "There is no directory of persons: nobody has groups, and nobody can approve."
        )
