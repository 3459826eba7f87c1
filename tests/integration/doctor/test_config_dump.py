"""What can go wrong between the doctor and an admin interface."""

from __future__ import annotations

import asyncio
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from authz.adapters.envoy_admin.config_dump import ConfigUnavailable, check_admin_url, read_config_dump
from tests.support.ports import free_port


@contextmanager
def answering(wire: bytes, *, stays: bool = False) -> Iterator[str]:
    """Serve these bytes to whoever asks; with `stays` leave the connection open."""
    released = threading.Event()

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            while self.rfile.readline().strip():
                pass
            self.wfile.write(wire)
            self.wfile.flush()
            if stays:
                released.wait(20)

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True

        def handle_error(self, *_: object) -> None:
            """A doctor that gave up has closed its connection."""

    with Server(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            released.set()
            server.shutdown()
            thread.join()


def answer(body: bytes, status: int = 200) -> bytes:
    return f"HTTP/1.1 {status} -\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body


@pytest.mark.parametrize(
    ("wire", "sentence"),
    [
        (answer(b"", 403), "answered with status 403"),
        (answer(b"", 302), "answered with status 302"),
        (answer(b"<html>"), "sends no JSON"),
        (answer(b"[" * 100_000), "sends no JSON"),
        (answer(b"{}"), "no config_dump"),
        (answer(b'{"configs": {}}'), "no config_dump"),
        (answer(b"[]"), "no config_dump"),
        (b"SSH-2.0-x\r\n", "Nothing answers there"),
        (answer(b'{"configs": [' + b" " * 200_000 + b"]}"), "longer than 150000 bytes"),
    ],
)
async def test_what_is_no_config_dump_is_told_in_a_sentence(wire: bytes, sentence: str) -> None:
    with answering(wire) as url, pytest.raises(ConfigUnavailable, match=sentence):
        await read_config_dump(url, max_bytes=150_000)


async def test_an_answer_that_dribbles_ends_in_time() -> None:
    head = b"HTTP/1.1 200 -\r\ncontent-length: 1000\r\n\r\n{"
    with answering(head, stays=True) as url, pytest.raises(ConfigUnavailable, match=r"within 0\.2 s"):
        await read_config_dump(url, patience=0.2)


async def test_nobody_there_is_told_in_a_sentence() -> None:
    for url in (f"http://127.0.0.1:{free_port()}", "unix:///nowhere/admin.sock"):
        with pytest.raises(ConfigUnavailable, match="Nothing answers there"):
            await read_config_dump(url)


async def test_a_config_dump_is_returned_and_a_proxy_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{free_port()}")
    monkeypatch.setenv("ALL_PROXY", f"http://127.0.0.1:{free_port()}")
    with answering(answer(b'{"configs": [1]}')) as url:
        assert await asyncio.wait_for(read_config_dump(url), 15) == {"configs": [1]}


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:9901", "https://envoy.test", "unix:///run/admin.sock", "http://[::1]:1/"]
)
def test_an_address_of_an_admin_interface_is_taken(url: str) -> None:
    assert check_admin_url(url) == url.rstrip("/")


@pytest.mark.parametrize(
    "url",
    [
        *(
            "127.0.0.1:9901",
            "",
            "ftp://h",
            "http://",
            "http://u:hunter2@h",
            "http://h/config_dump",
            "http://h?a=b",
        ),
        *("unix://host/path", "unix:relative"),
    ],
)
def test_what_is_no_address_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(ValueError, match="must be http://HOST:PORT") as refused:
        check_admin_url(url)
    assert "hunter2" not in str(refused.value)
