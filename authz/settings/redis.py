from __future__ import annotations

from pydantic import BaseModel, Field, SecretStr, field_validator

from authz.setting_values import Timeout, check_redis_url


class RedisSettings(BaseModel):
    """Redis."""

    # Where tickets live: `redis://…`, `rediss://…` (TLS), `unix:///path/to/socket`; `redis+sentinel://HOST:PORT,…/MASTER`
    # and `redis+cluster://HOST:PORT,…`; see [Redis](redis.md).
    redis_url: SecretStr = SecretStr("redis://127.0.0.1:6379/0")
    # How long one call of Redis may take.
    redis_timeout: Timeout = 100
    # Connections to Redis, which is also how many calls are under way at once.
    redis_connections: int = Field(64, ge=1, le=4096)
    # In how many partitions tickets are kept, by requester: more than 1 spreads them over a cluster's nodes. It can't
    # be changed while tickets are stored.
    redis_partitions: int = Field(1, ge=1, le=64)
    # How many replicas have to have a redemption, a vote or another decision before it is answered (`WAIT`): all that
    # there are, less the one that a failover takes away. See [Redis](redis.md).
    redis_replicas: int = Field(0, ge=0, le=16)
    # The percentage of Redis's maxmemory from which on nothing new is held (503). What is left is for votes and
    # redemptions.
    redis_memory_watermark: int = Field(80, ge=1, le=100)
    # Say that Redis is durable although its configuration can't be read or shows no AOF.
    redis_durability_asserted: bool = False

    @field_validator("redis_url")
    @classmethod
    def _reachable_redis(cls, value: SecretStr) -> SecretStr:
        check_redis_url(value.get_secret_value())
        return value
