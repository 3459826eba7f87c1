"""Whether the check server answers where Envoy asks it, and what its certificates are worth."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Final

from authz.services.doctor.finding import Area, Finding, Rule, Severity

CHECK_SERVING = Rule("check-serving", Severity.OK, Area.CHECK)
CHECK_UNREACHABLE = Rule(
    "check-unreachable",
    Severity.ERROR,
    Area.CHECK,
    "Start `holdgate serve check`, or correct HOLDGATE_CHECK_ENDPOINTS (HOLDGATE_GRPC_LISTEN where that is empty).",
    unreachable=True,
)
CHECK_NOT_SERVING = Rule(
    "check-not-serving", Severity.ERROR, Area.CHECK, "Look at its log: it starts, stops, or isn't Holdgate."
)
CHECK_REFUSED = Rule(
    "check-caller-refused",
    Severity.WARNING,
    Area.CHECK,
    "Add an identity of this certificate to HOLDGATE_GRPC_CLIENT_IDENTITIES, or let Envoy show another one.",
)
CHECK_NOT_ASKED = Rule(
    "check-not-asked",
    Severity.INFO,
    Area.CHECK,
    "Run the doctor where the files of HOLDGATE_ENVOY_CHECK_TLS_* can be read.",
)
CERTIFICATE_UNUSABLE = Rule(
    "certificate-unusable",
    Severity.ERROR,
    Area.CHECK,
    "Correct the file or the setting; the server can't start with it.",
)
CERTIFICATE_EXPIRED = Rule("certificate-expired", Severity.ERROR, Area.CHECK, "Replace the certificate.")
CERTIFICATE_EARLY = Rule(
    "certificate-not-yet-valid",
    Severity.ERROR,
    Area.CHECK,
    "Wait, or correct the clock of the machine that issued it.",
)
CERTIFICATE_EXPIRING = Rule(
    "certificate-expiring",
    Severity.WARNING,
    Area.CHECK,
    "Replace the file; the server reads it again by itself.",
)
CERTIFICATE_VALID = Rule("certificate-valid", Severity.OK, Area.CHECK)
CERTIFICATE_UNLISTED = Rule(
    "certificate-unlisted",
    Severity.ERROR,
    Area.CHECK,
    "Add its URI or DNS name to HOLDGATE_GRPC_CLIENT_IDENTITIES; until then every check of this Envoy is refused.",
)

SOON: Final = timedelta(days=14)


class Health(Enum):
    """How an endpoint answered the gRPC health check."""

    SERVING = "serving"
    NOT_SERVING = "not serving"
    REFUSED = "refused"
    UNREACHABLE = "unreachable"
    NOT_ASKED = "not asked"


@dataclass(frozen=True, slots=True)
class EndpointFacts:
    """One endpoint; `detail` is a few words of why, where it didn't answer as it should."""

    where: str
    health: Health
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateFacts:
    """One file of certificates, by the setting that names it; times are those of the one that ends first.

    `trouble` says why it can't be used, or is empty. `listed` is None where the file isn't a client's.
    """

    setting: str
    path: str
    trouble: str = ""
    not_before: datetime | None = None
    not_after: datetime | None = None
    names: tuple[str, ...] = ()
    listed: bool | None = None


def judge_endpoints(endpoints: Sequence[EndpointFacts]) -> Iterator[Finding]:
    """Return what is to be said about the check server's worker processes."""
    for each in endpoints:
        match each.health:
            case Health.SERVING:
                yield CHECK_SERVING.found(each.where, "It serves.")
            case Health.NOT_SERVING:
                yield CHECK_NOT_SERVING.found(each.where, f"It answers {each.detail} to a health check.")
            case Health.REFUSED:
                yield CHECK_REFUSED.found(each.where, "It refuses the certificate that Envoy would show.")
            case Health.UNREACHABLE:
                yield CHECK_UNREACHABLE.found(each.where, f"It doesn't answer: {each.detail}.")
            case Health.NOT_ASKED:
                yield CHECK_NOT_ASKED.found(each.where, f"It needs a client's certificate: {each.detail}.")


def judge_certificates(certificates: Sequence[CertificateFacts], now: datetime) -> Iterator[Finding]:
    """Return what is to be said about files of certificates at this time."""
    for each in certificates:
        if each.trouble:
            yield CERTIFICATE_UNUSABLE.found(each.setting, each.trouble)
            continue
        if each.not_before is None or each.not_after is None:
            continue
        if now > each.not_after:
            yield CERTIFICATE_EXPIRED.found(
                each.setting, f"{each.path} ended on {each.not_after:%Y-%m-%d %H:%M} UTC."
            )
        elif now < each.not_before:
            yield CERTIFICATE_EARLY.found(
                each.setting, f"{each.path} begins on {each.not_before:%Y-%m-%d %H:%M} UTC."
            )
        elif each.not_after - now < SOON:
            yield CERTIFICATE_EXPIRING.found(
                each.setting, f"{each.path} ends on {each.not_after:%Y-%m-%d %H:%M} UTC."
            )
        else:
            yield CERTIFICATE_VALID.found(
                each.setting, f"{each.path} is valid until {each.not_after:%Y-%m-%d}."
            )
        if each.listed is False:
            yield CERTIFICATE_UNLISTED.found(
                each.setting,
                f"{each.path} is for {', '.join(each.names) or 'nobody'}, which isn't listed.",
            )
