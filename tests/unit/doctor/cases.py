"""Facts that are all right, and each fact that is not, with the codes that it adds."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from authz.domain.principal_source import PrincipalSource
from authz.domain.token import TicketKey
from authz.services.doctor.check_server import CertificateFacts, EndpointFacts, Health
from authz.services.doctor.opa import OpaFacts
from authz.services.doctor.redis import RedisFacts, Unfit
from authz.services.doctor.settings import SettingsFacts

NOW: Final = datetime(2026, 3, 1, tzinfo=UTC)
RANDOM: Final = bytes.fromhex("d3a6f0187bc25e9941aa0c6de8f71b3294c5067fe1d82a53b90e4cf7a86d1320")
OTHER: Final = bytes.fromhex("0b7e52c9d4f81a6330e5b7299dc84f16a2785be30c91fd4627d3086ea5b94c7f")


@dataclass(frozen=True, slots=True)
class Case:
    """`change` are the fields that differ from the good facts, `adds` the codes found because of that."""

    name: str
    adds: frozenset[str]
    change: dict[str, Any]

    def __str__(self) -> str:
        return self.name


def case(name: str, *adds: str, **change: Any) -> Case:  # noqa: ANN401 - fields of any facts
    return Case(name, frozenset(adds), change)


GOOD_SETTINGS: Final = SettingsFacts(
    keys=(TicketKey("k1", RANDOM), TicketKey("k2", OTHER)),
    sources=(PrincipalSource("metadata", "jwt", ("jwt", "sub")), PrincipalSource("source.principal")),
    shared=("https%3A%2F%2Fissuer:ci",),
    routes={"default": ("room",)},
    channels=frozenset({"room"}),
    public_url="https://approvals.test",
    public_host_local=False,
    open_to_others=True,
    held_status=428,
    default_approvers=True,
    check_timeout=500,
    opa_timeout=150,
    redis_timeout=100,
    durability_asserted=False,
    reflection=False,
)
SETTINGS: Final = [
    case("no key", "ticket-keys-missing", keys=()),
    case("a key of zeros", "ticket-key-weak", keys=(TicketKey("k1", bytes(32)),)),
    case("a key of few bytes", "ticket-key-weak", keys=(TicketKey("k1", bytes(range(17)) * 2),)),
    case(
        "a key that is text", "ticket-key-weak", keys=(TicketKey("k1", b"The quick brown fox jumps over it"),)
    ),
    case("one secret twice", "ticket-keys-equal", keys=(TicketKey("k1", RANDOM), TicketKey("k2", RANDOM))),
    case(
        "many keys",
        "ticket-keys-many",
        keys=tuple(TicketKey(f"k{number}", RANDOM[:-1] + bytes([number])) for number in range(5)),
    ),
    case("no source", "principal-none", sources=()),
    case(
        "one source twice", "principal-twice", sources=(PrincipalSource("policy"), PrincipalSource("policy"))
    ),
    case(
        "an address as identity", "principal-claim", sources=(PrincipalSource("metadata", "jwt", ("email",)),)
    ),
    case(
        "a shared principal of no source",
        "shared-principal-unmatched",
        sources=(PrincipalSource("source.principal"),),
    ),
    case("a silent route", "route-without-channel", routes={"default": ("room",), "night": ()}),
    case("an unused channel", "channel-unused", channels=frozenset({"room", "attic"})),
    case(
        "links to nowhere", "public-url-loopback", public_url="http://127.0.0.1:8088", public_host_local=True
    ),
    case("links in the clear", "public-url-plain", public_url="http://approvals.test"),
    case("a hold is a success", "held-status-success", held_status=202),
    case("nobody approves by default", "default-approvers-none", default_approvers=False),
    case("no time", "timeouts-tight", check_timeout=250),
    case("durability asserted", "redis-durability-asserted", durability_asserted=True),
    case("reflection", "reflection-on", reflection=True),
    case("dry run", "dry-run", dry_run=True),
    case("no plan", "envoy-config-refused", plan_problems=("the check server has no endpoint",)),
]

GOOD_OPA: Final = OpaFacts(
    where="http://127.0.0.1:8181",
    local=True,
    encrypted=False,
    timeout=150,
    decision_path="envoy/authz/allow",
    directory_path="holdgate/directory/person",
    decision_ms=3.0,
    version="1.19.1",
    logs=True,
    masked=True,
    skew=0.4,
)
OPA: Final = [
    case("another machine, encrypted", local=False, encrypted=True),
    case("another machine, in the clear", "opa-plaintext", local=False),
    case("an old one", "opa-version-old", version="0.70.0"),
    case("not ready", "opa-not-ready", ready=False),
    case("no configuration", "opa-config-hidden", config_shown=False, version="", logs=False, masked=False),
    case("undefined", "opa-decision-undefined", decision_defined=False),
    case("failing", "opa-decision-failed", decision_error="eval_conflict_error"),
    case("no decision", "opa-decision-shape", decision_shape="allowed is missing"),
    case("late", "opa-late", decision_ms=151.0),
    case("slow", "opa-slow", decision_ms=76.0),
    case("no directory", "opa-directory-undefined", directory_defined=False),
    case("a directory that fails", "opa-directory-failed", directory_error="it answered a list"),
    case("no log", "opa-decision-log-off", logs=False, masked=False),
    case("an open log", "opa-decision-log-unmasked", masked=False),
    case("a fast clock", "opa-clock", skew=6.0),
    case("a slow clock", "opa-clock", skew=-6.0),
    case("an unread clock", skew=None),
]

GOOD_REDIS: Final = RedisFacts(
    where="redis://127.0.0.1:6379",
    local=True,
    encrypted=False,
    timeout=100,
    info={"redis_version": "7.0.15", "role": "master", "maxmemory": "1000", "used_memory": "10"},
    answer_ms=0.3,
    skew=0.0,
)
_INFO: Final = GOOD_REDIS.info
_REPLICAS: Final = {
    "connected_slaves": "2",
    "slave0": "ip=::1,port=6380,state=online,offset=1,lag=0",
    "slave1": "ip=::1,port=6381,state=online,offset=1,lag=0",
}
REDIS: Final = [
    case("another machine, in the clear", "redis-plaintext", local=False),
    case("another machine, encrypted", local=False, encrypted=True),
    case("mute", "redis-info-hidden", info={}),
    *(
        case(what, f"redis-{what}", unfit=(Unfit(what, "It is wrong.", "Mend it."),))
        for what in ("version", "eviction", "durability", "partitions")
    ),
    case("a replica", "redis-read-only", info={**_INFO, "role": "slave"}),
    case("a full disk", "redis-disk", info={**_INFO, "aof_last_write_status": "err"}),
    case("replicas", "redis-failover", info={**_INFO, "connected_slaves": "2"}),
    case("replicas waited for", replicas=2, info={**_INFO, **_REPLICAS, "min_slaves_good_slaves": "2"}),
    case("one waited for of two", "redis-failover", "redis-cut-off", replicas=1, info={**_INFO, **_REPLICAS}),
    case(
        "a replica that is only just connecting",
        "redis-replicas",
        replicas=2,
        info={**_INFO, **_REPLICAS, "slave1": "ip=::1,state=wait_bgsave", "min_slaves_good_slaves": "1"},
    ),
    case("no replicas", info={**_INFO, "connected_slaves": "0"}),
    case("nearly full", "redis-memory", info={**_INFO, "used_memory": "800"}),
    case("not nearly full", info={**_INFO, "used_memory": "799"}),
    case("not full by the settings", watermark=90, info={**_INFO, "used_memory": "899"}),
    case("full by the settings", "redis-memory", watermark=90, info={**_INFO, "used_memory": "900"}),
    case("no bound", "redis-memory-unbounded", info={**_INFO, "maxmemory": "0"}),
    case("late", "redis-late", answer_ms=101.0),
    case("slow", "redis-slow", answer_ms=51.0),
    case("a fast clock", "redis-clock", skew=3600.0),
]

ENDPOINTS: Final = [
    ("check-serving", EndpointFacts("127.0.0.1:9191", Health.SERVING)),
    ("check-unreachable", EndpointFacts("127.0.0.1:9191", Health.UNREACHABLE, "UNAVAILABLE")),
    ("check-not-serving", EndpointFacts("127.0.0.1:9191", Health.NOT_SERVING, "NOT_SERVING")),
    ("check-caller-refused", EndpointFacts("127.0.0.1:9191", Health.REFUSED)),
    ("check-not-asked", EndpointFacts("127.0.0.1:9191", Health.NOT_ASKED, "no file")),
]

_VALID: Final = CertificateFacts(
    setting="HOLDGATE_GRPC_TLS_CERT",
    path="/run/tls.pem",
    not_before=NOW - timedelta(days=1),
    not_after=NOW + timedelta(days=14),
)
CERTIFICATES: Final = [
    ({"certificate-valid"}, _VALID),
    ({"certificate-valid"}, replace(_VALID, listed=True)),
    ({"certificate-valid", "certificate-unlisted"}, replace(_VALID, listed=False, names=("envoy.internal",))),
    ({"certificate-expiring"}, replace(_VALID, not_after=NOW + timedelta(days=13, hours=23))),
    ({"certificate-expired"}, replace(_VALID, not_after=NOW - timedelta(seconds=1))),
    ({"certificate-not-yet-valid"}, replace(_VALID, not_before=NOW + timedelta(seconds=1))),
    (
        {"certificate-unusable"},
        CertificateFacts(setting="HOLDGATE_GRPC_TLS_CERT", path="/x", trouble="No file."),
    ),
]
