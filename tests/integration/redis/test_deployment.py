"""The configuration files of deploy/redis start a server that Holdgate takes."""

from __future__ import annotations

from pathlib import Path

from authz.adapters.redis.link import Link
from authz.adapters.redis.settings import RedisSettings
from authz.adapters.redis.store import RedisTicketStore
from tests.integration.redis.drafts import draft
from tests.support.redis_server import RedisServer, server_binary

DEPLOY = Path(__file__).parents[3] / "deploy" / "redis"


class FromFile(RedisServer):
    """A server that reads a configuration file, of which only the places are the test's own."""

    def __init__(self, directory: Path, config: Path) -> None:
        super().__init__(directory)
        self._config = config

    def _command(self) -> list[str]:
        own = {
            "port": str(self.port),
            "dir": str(self.directory),
            "aclfile": str(self.directory / "users.acl"),
        }
        words = [word for name, value in own.items() for word in (f"--{name}", value)]
        return [self._binary, str(self._config), *words]


async def test_the_configuration_is_one_that_holdgate_trusts(tmp_path: Path) -> None:
    users = (DEPLOY / "users.acl").read_text("utf-8").replace("#" + "0" * 64, ">word")
    (tmp_path / "users.acl").write_text(users)
    config = tmp_path / "redis.conf"
    config.write_text((DEPLOY / "redis.conf").read_text("utf-8"))
    server = FromFile(tmp_path, config)
    server.start()
    url = server.url.replace("//", "//holdgate-check:word@")
    store = RedisTicketStore(RedisSettings(url=url, timeout_ms=5_000))
    try:
        await store.start()
        assert (await store.create(draft())).created
        assert 0 < store.memory_used < 0.1
    finally:
        await store.aclose()
        server.stop()


class SentinelFromFile(RedisServer):
    """A Sentinel with the shipped file, and the user that the file describes."""

    def __init__(self, directory: Path, primary: RedisServer) -> None:
        super().__init__(directory)
        text = (DEPLOY / "sentinel.conf").read_text("utf-8")
        text = text.replace("port 26379", f"port {self.port}").replace(" 6379 2", f" {primary.port} 2")
        users = "user watch on >word +sentinel|master\nuser default off\n"
        self._file = directory / "sentinel.conf"
        self._file.write_text(f"{text}dir {directory}\n{users}")

    def _command(self) -> list[str]:
        return [server_binary(), str(self._file), "--sentinel"]


async def test_the_sentinel_and_its_user_are_what_holdgate_needs(
    tmp_path: Path, shared_server: RedisServer
) -> None:
    sentinel = SentinelFromFile(tmp_path, shared_server)
    sentinel.start()
    credentials = "sentinel_username=watch&sentinel_password=word"
    link = Link(f"redis+sentinel://127.0.0.1:{sentinel.port}/holdgate/0?{credentials}", 1, 5_000)
    try:
        assert await link.command("PING") == b"PONG"
    finally:
        await link.aclose()
        sentinel.stop()
