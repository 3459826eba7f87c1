from __future__ import annotations

import pytest

from authz.adapters.envoy_config.endpoint import TcpEndpoint, UnixEndpoint, parse_endpoint
from authz.domain.errors import SettingsInvalid


@pytest.mark.parametrize(
    ("text", "endpoint"),
    [
        ("127.0.0.1:9191", TcpEndpoint("127.0.0.1", 9191)),
        ("[::1]:9191", TcpEndpoint("::1", 9191)),
        ("check.internal:9191", TcpEndpoint("check.internal", 9191)),
        ("unix:/run/check.sock", UnixEndpoint("/run/check.sock")),
        ("unix:///run/check.sock", UnixEndpoint("/run/check.sock")),
    ],
)
def test_an_endpoint_is_read(text: str, endpoint: TcpEndpoint | UnixEndpoint) -> None:
    assert parse_endpoint(text) == endpoint
    assert parse_endpoint(str(endpoint)) == endpoint


@pytest.mark.parametrize(
    "text",
    [
        *("", "9191", ":9191", "host", "host:", "host:x", "host:0", "host:65536", "host:-1", "host:٣"),
        *("::1:9191", "[::1]", "a b:1", "http://host:1", "user@host:1"),
        *("unix:relative", "unix:", "unix:/" + "a" * 103),
    ],
)
def test_anything_else_is_refused_by_name(text: str) -> None:
    with pytest.raises(SettingsInvalid):
        parse_endpoint(text)


@pytest.mark.parametrize(
    ("text", "local"),
    [
        *(
            ("127.0.0.1:1", True),
            ("127.9.9.9:1", True),
            ("[::1]:1", True),
            ("localhost:1", True),
            ("unix:/a", True),
        ),
        *(("0.0.0.0:1", False), ("10.0.0.1:1", False), ("[::]:1", False), ("localhost.test:1", False)),
    ],
)
def test_only_loopback_and_unix_sockets_are_local(text: str, local: bool) -> None:
    assert parse_endpoint(text).is_local is local
