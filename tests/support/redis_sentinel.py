"""A primary, its replicas and the Sentinels that watch them: real processes of one's own."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import cast

from authz.adapters.redis.link import Link
from tests.support.redis_server import RedisServer, server_binary
from tests.support.waiting import until_true

MASTER = "holdgate"


class SentinelServer(RedisServer):
    """One Sentinel. It writes its configuration itself, so it gets a file instead of words."""

    def __init__(self, directory: Path, primary: RedisServer, quorum: int, extra: Sequence[str] = ()) -> None:
        super().__init__(directory)
        self._file = directory / "sentinel.conf"
        lines = [
            f"port {self.port}",
            "bind 127.0.0.1",
            f"dir {directory}",
            f"sentinel monitor {MASTER} 127.0.0.1 {primary.port} {quorum}",
            f"sentinel down-after-milliseconds {MASTER} 1000",
            f"sentinel failover-timeout {MASTER} 3000",
            *extra,
        ]
        self._file.write_text("\n".join(lines) + "\n")

    def _command(self) -> list[str]:
        return [server_binary(), str(self._file), "--sentinel"]


class SentinelGroup:
    """One primary with `replicas`, watched by three Sentinels of whom two have to agree."""

    def __init__(self, directory: Path, replicas: int = 1, **options: str) -> None:
        self._directory = directory
        self._options = options
        self.primary = self._server("primary")
        self.replicas = [
            self._server(f"replica{number}", replicaof=f"127.0.0.1 {self.primary.port}")
            for number in range(replicas)
        ]
        self.sentinels = [
            SentinelServer(self._place(f"sentinel{number}"), self.primary, 2) for number in range(3)
        ]

    @property
    def url(self) -> str:
        hosts = ",".join(f"127.0.0.1:{sentinel.port}" for sentinel in self.sentinels)
        return f"redis+sentinel://{hosts}/{MASTER}/0"

    async def start(self) -> None:
        """Start all of it and wait until the Sentinels know each other and the replicas are in step."""
        for server in (self.primary, *self.replicas, *self.sentinels):
            server.start()
        link = Link(self.primary.url, 1, 30_000)
        assert await link.command("WAIT", len(self.replicas), 30_000, wait_ms=30_000) == len(self.replicas)
        await link.aclose()
        async with asyncio.timeout(30):
            for sentinel in self.sentinels:
                await until_true(partial(self._knows_all, sentinel))

    async def until_promoted(self, old: RedisServer) -> RedisServer:
        """Wait until another server is a master, and return it."""
        found: list[RedisServer] = []

        async def promoted() -> bool:
            others = [server for server in (self.primary, *self.replicas) if server is not old]
            found.extend([server for server in others if await _role(server) == b"master"])
            return bool(found)

        async with asyncio.timeout(60):
            await until_true(promoted)
        return found[0]

    def stop(self) -> None:
        for server in (*self.sentinels, *self.replicas, self.primary):
            server.stop()

    def _place(self, name: str) -> Path:
        place = self._directory / name
        place.mkdir()
        return place

    def _server(self, name: str, **options: str) -> RedisServer:
        return RedisServer(self._place(name), **{"repl_diskless_sync_delay": "0", **self._options, **options})

    async def _knows_all(self, sentinel: SentinelServer) -> bool:
        link = Link(sentinel.url, 1, 5_000)
        flat = cast("list[bytes]", await link.command("SENTINEL", "MASTER", MASTER))
        await link.aclose()
        said = dict(zip(flat[::2], flat[1::2], strict=True))
        known = (said[b"num-other-sentinels"], said[b"num-slaves"])
        return known == (b"2", b"%d" % len(self.replicas))


async def _role(server: RedisServer) -> bytes:
    link = Link(server.url, 1, 2_000)
    try:
        return cast("list[bytes]", await link.command("ROLE"))[0]
    finally:
        await link.aclose()
