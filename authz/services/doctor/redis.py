"""What a Redis says of itself, beyond what the servers refuse to start with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from authz.services.doctor.finding import Area, Finding, Rule, Severity
from authz.services.doctor.timing import SLOW_SHARE, clock_text, skewed

_ERROR, _WARNING, _INFO = Severity.ERROR, Severity.WARNING, Severity.INFO

REDIS_OK = Rule("redis-answers", Severity.OK, Area.REDIS)
REDIS_UNREACHABLE = Rule(
    "redis-unreachable",
    _ERROR,
    Area.REDIS,
    "Start Redis, or correct HOLDGATE_REDIS_URL; until then holds and redemptions get a 503.",
    unreachable=True,
)
REDIS_PLAINTEXT = Rule(
    "redis-plaintext",
    _WARNING,
    Area.REDIS,
    "Use rediss://: whoever can change what goes to Redis can approve anything.",
)
REDIS_VERSION = Rule("redis-version", _ERROR, Area.REDIS)
REDIS_EVICTION = Rule("redis-eviction", _ERROR, Area.REDIS)
REDIS_DURABILITY = Rule("redis-durability", _ERROR, Area.REDIS)
REDIS_PARTITIONS = Rule("redis-partitions", _ERROR, Area.REDIS)
REDIS_INFO_HIDDEN = Rule(
    "redis-info-hidden",
    _INFO,
    Area.REDIS,
    "Allow this user INFO, or look yourself at replicas, memory and the append-only file.",
)
REDIS_READ_ONLY = Rule(
    "redis-read-only",
    _ERROR,
    Area.REDIS,
    "Point HOLDGATE_REDIS_URL at the primary: a replica takes no votes.",
)
REDIS_DISK = Rule(
    "redis-disk", _ERROR, Area.REDIS, "Look at Redis's log and at its disk: it refuses writes, or soon will."
)
REDIS_FAILOVER = Rule(
    "redis-failover",
    _WARNING,
    Area.REDIS,
    "Set HOLDGATE_REDIS_REPLICAS and min-replicas-to-write to narrow the window, and read docs/redis.md on what stays.",
)
REDIS_REPLICAS = Rule(
    "redis-replicas",
    _ERROR,
    Area.REDIS,
    "Connect the replicas, or lower HOLDGATE_REDIS_REPLICAS: until then redemptions and votes get a 503.",
)
REDIS_CUT_OFF = Rule(
    "redis-cut-off",
    _WARNING,
    Area.REDIS,
    "Set min-replicas-to-write to HOLDGATE_REDIS_REPLICAS, so that nothing is taken that can't be let through.",
)
REDIS_MEMORY = Rule(
    "redis-memory",
    _WARNING,
    Area.REDIS,
    "Raise maxmemory, or export and trim the audit as docs/redis.md describes.",
)
REDIS_UNBOUNDED = Rule(
    "redis-memory-unbounded",
    _INFO,
    Area.REDIS,
    "Set maxmemory below what the machine has, so that Redis refuses writes before the kernel ends it.",
)
REDIS_LATE = Rule("redis-late", _ERROR, Area.REDIS, "Bring Redis nearer, or raise HOLDGATE_REDIS_TIMEOUT.")
REDIS_SLOW = Rule(
    "redis-slow", _WARNING, Area.REDIS, "Look for what takes long: network, load, `SLOWLOG GET`."
)
REDIS_CLOCK = Rule(
    "redis-clock",
    _WARNING,
    Area.REDIS,
    "Keep the clock of Redis's machine with NTP: every deadline is judged by it.",
)

UNFIT: Final[Mapping[str, Rule]] = {
    "version": REDIS_VERSION,
    "eviction": REDIS_EVICTION,
    "durability": REDIS_DURABILITY,
    "partitions": REDIS_PARTITIONS,
}
"""What the servers refuse, by the name that the adapter gives it."""


@dataclass(frozen=True, slots=True)
class Unfit:
    """Why the servers would not start with this Redis; `what` is a key of UNFIT."""

    what: str
    problem: str
    advice: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RedisFacts:
    """What Redis did. `where` has no credentials; times in milliseconds, `skew` in seconds.

    `trouble` says why it can't be reached, or is empty; then nothing else was seen. `info` are the fields of INFO,
    none where it is forbidden. `replicas` is how many are waited
    for, `watermark` the percentage of memory from which on nothing new is held.
    """

    where: str
    local: bool
    encrypted: bool
    timeout: int
    trouble: str = ""
    info: Mapping[str, str] = field(default_factory=dict)
    replicas: int = 0
    watermark: int = 80
    unfit: tuple[Unfit, ...] = ()
    answer_ms: float = 0.0
    skew: float | None = None


def judge_redis(facts: RedisFacts) -> Iterator[Finding]:
    """Return what is to be said about Redis."""
    subject, info = facts.where, facts.info
    if not (facts.local or facts.encrypted):
        yield REDIS_PLAINTEXT.found(subject, "Tickets and votes go over the network unencrypted.")
    if facts.trouble:
        yield REDIS_UNREACHABLE.found(subject, facts.trouble)
        return
    yield REDIS_OK.found(subject, f"{_name(info)} answered in {facts.answer_ms:.1f} ms.")
    if not info:
        yield REDIS_INFO_HIDDEN.found(subject, "It doesn't say how it is set up (INFO is forbidden).")
    for unfit in facts.unfit:
        yield UNFIT[unfit.what].found(subject, unfit.problem, unfit.advice)
    yield from _writing(subject, info)
    yield from _replication(subject, info, facts.replicas)
    yield from _memory(subject, info, facts.watermark)
    if facts.answer_ms > facts.timeout:
        yield REDIS_LATE.found(
            subject,
            f"An answer took {facts.answer_ms:.0f} ms, and HOLDGATE_REDIS_TIMEOUT is {facts.timeout} ms.",
        )
    elif facts.answer_ms > facts.timeout * SLOW_SHARE:
        yield REDIS_SLOW.found(
            subject,
            f"An answer took {facts.answer_ms:.0f} of the {facts.timeout} ms of HOLDGATE_REDIS_TIMEOUT.",
        )
    if facts.skew is not None and skewed(facts.skew):
        yield REDIS_CLOCK.found(subject, f"Redis's clock is {clock_text(facts.skew)}.")


def _name(info: Mapping[str, str]) -> str:
    if "valkey_version" in info:
        return f"Valkey {info['valkey_version']}"
    return f"Redis {info.get('redis_version', 'of unknown version')}"


def _writing(subject: str, info: Mapping[str, str]) -> Iterator[Finding]:
    if info.get("role") in {"slave", "replica"}:
        yield REDIS_READ_ONLY.found(subject, "It is a replica.")
    for name in ("aof_last_write_status", "aof_last_bgrewrite_status", "rdb_last_bgsave_status"):
        if info.get(name, "ok") != "ok":
            yield REDIS_DISK.found(subject, f"{name} is {info[name]}.")


def online_replicas(info: Mapping[str, str]) -> int:
    """Return how many replicas are connected and in step, by INFO."""
    return sum(name.startswith("slave") and "state=online" in value for name, value in info.items())


def _replication(subject: str, info: Mapping[str, str], wanted: int) -> Iterator[Finding]:
    connected, online = _number(info, "connected_slaves"), online_replicas(info)
    bounded = "min_slaves_good_slaves" in info
    if info and online < wanted:
        yield REDIS_REPLICAS.found(
            subject, f"{wanted} replica(s) are waited for, and {online} are connected."
        )
    if info and wanted and not bounded:
        yield REDIS_CUT_OFF.found(
            subject,
            "Cut off from its replicas it goes on writing what nobody is told, and a failover undoes it.",
        )
    if connected > wanted:
        unbounded = "" if bounded else ", and it goes on writing when it is cut off from them"
        yield REDIS_FAILOVER.found(
            subject,
            f"{connected} replica(s) are connected and {wanted or 'none'} waited for: after a failover, a use or a "
            "vote that had not reached the new primary is forgotten, and a single-use grant could be used twice"
            f"{unbounded}.",
        )


def _memory(subject: str, info: Mapping[str, str], watermark: int) -> Iterator[Finding]:
    used, most = _number(info, "used_memory"), _number(info, "maxmemory")
    if "maxmemory" in info and not most:
        yield REDIS_UNBOUNDED.found(subject, "maxmemory is 0: Redis may take all memory of its machine.")
    elif most and used * 100 >= most * watermark:
        yield REDIS_MEMORY.found(
            subject,
            f"{used / most:.0%} of maxmemory are used, and from {watermark} % on nothing new is held.",
        )


def _number(info: Mapping[str, str], name: str) -> int:
    text = info.get(name, "")
    return int(text) if text.isascii() and text.isdigit() else 0
