"""What the settings say about themselves, before anything is asked."""

from __future__ import annotations

import string
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from authz.domain.principal_source import PrincipalSource
from authz.domain.token import TicketKey
from authz.services.doctor.finding import Area, Finding, Rule, Severity

SETTINGS_INVALID = Rule(
    "settings-invalid", Severity.ERROR, Area.SETTINGS, "Correct it as docs/settings.md describes."
)
SETTINGS_READ = Rule("settings-read", Severity.OK, Area.SETTINGS)
ENVOY_CONFIG_REFUSED = Rule(
    "envoy-config-refused",
    Severity.WARNING,
    Area.SETTINGS,
    "Correct it, or configure Envoy by hand as docs/envoy.md describes.",
)
KEYS_MISSING = Rule(
    "ticket-keys-missing",
    Severity.ERROR,
    Area.SETTINGS,
    "Set HOLDGATE_TICKET_KEYS to NAME:BASE64URL; `openssl rand -base64 32 | tr '+/' '-_'` makes the second part.",
)
KEY_WEAK = Rule(
    "ticket-key-weak",
    Severity.ERROR,
    Area.SETTINGS,
    "Replace it with bytes from a random generator: `openssl rand -base64 32 | tr '+/' '-_'`.",
)
KEYS_EQUAL = Rule(
    "ticket-keys-equal",
    Severity.ERROR,
    Area.SETTINGS,
    "Give each name a secret of its own; a key that only changed its name was not rotated.",
)
KEYS_MANY = Rule(
    "ticket-keys-many",
    Severity.WARNING,
    Area.SETTINGS,
    "Remove those that signed nothing that can still be open: each of them can still make a ticket.",
)
PRINCIPAL_NONE = Rule(
    "principal-none",
    Severity.ERROR,
    Area.SETTINGS,
    "Name a source in HOLDGATE_PRINCIPAL_FROM; without a principal nothing can be held.",
)
PRINCIPAL_TWICE = Rule("principal-twice", Severity.WARNING, Area.SETTINGS, "Remove the second one.")
PRINCIPAL_CLAIM = Rule(
    "principal-claim",
    Severity.WARNING,
    Area.SETTINGS,
    "Take a claim that is never given to another person, such as sub or oid.",
)
SHARED_UNMATCHED = Rule(
    "shared-principal-unmatched",
    Severity.WARNING,
    Area.SETTINGS,
    "Spell it as a log line of a check shows the principal, or remove it.",
)
ROUTE_SILENT = Rule(
    "route-without-channel",
    Severity.WARNING,
    Area.SETTINGS,
    "Name at least one channel for it in HOLDGATE_ROUTES, or watch tickets in another way.",
)
CHANNEL_UNUSED = Rule(
    "channel-unused", Severity.INFO, Area.SETTINGS, "Name it in HOLDGATE_ROUTES, or remove it."
)
PUBLIC_LOOPBACK = Rule(
    "public-url-loopback",
    Severity.WARNING,
    Area.SETTINGS,
    "Set HOLDGATE_PUBLIC_URL to the address at which people reach the console.",
)
PUBLIC_PLAIN = Rule(
    "public-url-plain",
    Severity.WARNING,
    Area.SETTINGS,
    "Serve the console through a proxy with TLS, and let HOLDGATE_PUBLIC_URL begin with https://.",
)
HELD_IS_SUCCESS = Rule(
    "held-status-success",
    Severity.INFO,
    Area.SETTINGS,
    "Where such clients are, let the rule's http_status say 428, or set HOLDGATE_HELD_STATUS.",
)
NO_DEFAULT_APPROVERS = Rule(
    "default-approvers-none",
    Severity.INFO,
    Area.SETTINGS,
    "Let every rule name its approvers, or set HOLDGATE_DEFAULT_APPROVERS.",
)
TIMES_TIGHT = Rule(
    "timeouts-tight",
    Severity.WARNING,
    Area.SETTINGS,
    "Raise HOLDGATE_CHECK_TIMEOUT (and Envoy's timeout with it), or lower the other two.",
)
DURABILITY_ASSERTED = Rule(
    "redis-durability-asserted",
    Severity.INFO,
    Area.SETTINGS,
    "Make sure that this Redis persists every write; the doctor can't see it.",
)
DRY_RUN = Rule(
    "dry-run",
    Severity.ERROR,
    Area.SETTINGS,
    "Switch HOLDGATE_DRY_RUN off as soon as you have seen what the policy would do.",
)
REFLECTION = Rule(
    "reflection-on", Severity.INFO, Area.SETTINGS, "Switch HOLDGATE_GRPC_REFLECTION off after debugging."
)

_FEW_KEYS: Final = 4
# 32 random bytes have 30 different ones on average; fewer than 18 come less than once in 10^12 keys.
_DIFFERENT_BYTES: Final = 18
_PRINTABLE: Final = frozenset(string.printable.encode())
_CHANGEABLE: Final = frozenset(
    {"email", "given_name", "name", "nickname", "phone_number", "preferred_username", "upn", "username"}
)
_OF_CERTIFICATES: Final = frozenset({"spiffe", "x509"})
_SUCCESS: Final = range(200, 300)


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingsFacts:
    """The settings as far as they are judged by themselves. Times in milliseconds.

    `routes` is route name → channels, `channels` the names of those there are. `public_host_local` says whether
    `public_url` leads only to the machine that follows it; `open_to_others` whether a listener of ours or Envoy's
    is reached from other machines. `plan_problems` is why no configuration for Envoy can be made.
    """

    keys: tuple[TicketKey, ...] = field(repr=False)
    sources: tuple[PrincipalSource, ...]
    shared: tuple[str, ...]
    routes: Mapping[str, tuple[str, ...]]
    channels: frozenset[str]
    public_url: str
    public_host_local: bool
    open_to_others: bool
    held_status: int
    default_approvers: bool
    check_timeout: int
    opa_timeout: int
    redis_timeout: int
    durability_asserted: bool
    reflection: bool
    dry_run: bool = False
    plan_problems: tuple[str, ...] = ()


def judge_settings(facts: SettingsFacts) -> Iterator[Finding]:
    """Return what is to be said about the settings."""
    yield SETTINGS_READ.found("", "All settings can be read.")
    for problem in facts.plan_problems:
        yield ENVOY_CONFIG_REFUSED.found("", f"`holdgate envoy-config` can't make a configuration: {problem}")
    yield from _keys(facts.keys)
    yield from _principals(facts)
    yield from _people(facts)
    if facts.held_status in _SUCCESS:
        yield HELD_IS_SUCCESS.found(
            "HOLDGATE_HELD_STATUS",
            f"A hold is answered with {facts.held_status}, which `curl --fail` and typed Kubernetes clients take "
            "for success.",
        )
    needed = facts.opa_timeout + facts.redis_timeout
    if needed >= facts.check_timeout:
        yield TIMES_TIGHT.found(
            "HOLDGATE_CHECK_TIMEOUT",
            f"HOLDGATE_OPA_TIMEOUT ({facts.opa_timeout} ms) and HOLDGATE_REDIS_TIMEOUT ({facts.redis_timeout} ms) "
            f"together leave nothing of the {facts.check_timeout} ms of a check.",
        )
    if facts.dry_run:
        yield DRY_RUN.found("HOLDGATE_DRY_RUN", "Everything is let through, whatever the policy says.")
    if facts.durability_asserted:
        yield DURABILITY_ASSERTED.found(
            "HOLDGATE_REDIS_DURABILITY_ASSERTED", "Redis is taken for durable whatever it says."
        )
    if facts.reflection:
        yield REFLECTION.found(
            "HOLDGATE_GRPC_REFLECTION", "The check server tells every caller which services it has."
        )


def _keys(keys: tuple[TicketKey, ...]) -> Iterator[Finding]:
    subject = "HOLDGATE_TICKET_KEYS"
    if not keys:
        yield KEYS_MISSING.found(subject, "There is no ticket key: check and console can't start.")
    if len(keys) > _FEW_KEYS:
        yield KEYS_MANY.found(subject, f"{len(keys)} keys are accepted.")
    for key in keys:
        if len(set(key.secret)) < _DIFFERENT_BYTES or set(key.secret) <= _PRINTABLE:
            yield KEY_WEAK.found(subject, f"Key {key.kid} doesn't look random: it can be guessed.")
    for place, key in enumerate(keys):
        equal = [other.kid for other in keys[:place] if other.secret == key.secret]
        if equal:
            yield KEYS_EQUAL.found(subject, f"Keys {equal[0]} and {key.kid} have the same secret.")


def _principals(facts: SettingsFacts) -> Iterator[Finding]:
    subject = "HOLDGATE_PRINCIPAL_FROM"
    if not facts.sources:
        yield PRINCIPAL_NONE.found(subject, "No source of principals is named.")
    for place, source in enumerate(facts.sources):
        if source in facts.sources[:place]:
            yield PRINCIPAL_TWICE.found(subject, f"{_source_text(source)} is named twice.")
        elif source.path and source.path[-1] in _CHANGEABLE:
            yield PRINCIPAL_CLAIM.found(
                subject,
                f"{_source_text(source)} can change, or go to another person, who would then be taken for the first.",
            )
    if facts.sources and all(source.kind == "source.principal" for source in facts.sources):
        for entry in facts.shared:
            if entry.partition(":")[0] not in _OF_CERTIFICATES:
                yield SHARED_UNMATCHED.found(
                    "HOLDGATE_SHARED_PRINCIPALS",
                    f"{entry} is nobody's principal: certificates give spiffe:… and x509:… only.",
                )


def _people(facts: SettingsFacts) -> Iterator[Finding]:
    for name, channels in sorted(facts.routes.items()):
        if not channels:
            yield ROUTE_SILENT.found(
                "HOLDGATE_ROUTES", f"Route {name} has no channel: nobody is told of what is held there."
            )
    used = {channel for channels in facts.routes.values() for channel in channels}
    for channel in sorted(facts.channels - used):
        yield CHANNEL_UNUSED.found("HOLDGATE_CHANNELS", f"No route leads to channel {channel}.")
    if facts.public_host_local and (facts.channels or facts.open_to_others):
        yield PUBLIC_LOOPBACK.found(
            "HOLDGATE_PUBLIC_URL",
            f"Links in cards and answers begin with {facts.public_url}, which leads each reader to their own machine.",
        )
    elif facts.public_url.startswith("http:") and not facts.public_host_local:
        yield PUBLIC_PLAIN.found(
            "HOLDGATE_PUBLIC_URL",
            f"{facts.public_url} is not encrypted: who can listen in can take over a session and vote.",
        )
    if not facts.default_approvers:
        yield NO_DEFAULT_APPROVERS.found(
            "HOLDGATE_DEFAULT_APPROVERS", "A rule that names no approvers is answered with 503."
        )


def _source_text(source: PrincipalSource) -> str:
    return (
        f"metadata:{source.namespace}/{'/'.join(source.path)}" if source.kind == "metadata" else source.kind
    )
