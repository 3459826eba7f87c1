from __future__ import annotations

import pytest

from authz.entrypoints.management.address import local_target, socket_path


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("127.0.0.1:9292", "127.0.0.1:9292"),
        ("127.8.8.8:1", "127.8.8.8:1"),
        ("[::1]:9292", "[::1]:9292"),
        ("localhost:9292", "127.0.0.1:9292"),
        ("unix:/run/holdgate/m.sock", "unix:/run/holdgate/m.sock"),
        ("unix:///run/holdgate/m.sock", "unix:/run/holdgate/m.sock"),
    ],
)
def test_addresses_of_this_machine_are_taken(text: str, target: str) -> None:
    assert local_target(text) == target


@pytest.mark.parametrize(
    "text",
    [
        "0.0.0.0:9292",
        "[::]:9292",
        "10.0.0.1:9292",
        "[::ffff:10.0.0.1]:9292",
        "approvals.example:9292",
        "localhost.example:9292",
        "127.0.0.1.example:9292",
        "dns:///approvals.example:9292",
        "ipv4:127.0.0.1:9292,10.0.0.1:9292",
        ":9292",
    ],
)
def test_addresses_elsewhere_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="only a loopback address or unix:/path/to/socket is accepted"):
        local_target(text)


@pytest.mark.parametrize(
    "text",
    ["", "127.0.0.1", "127.0.0.1:", "127.0.0.1:http", "127.0.0.1:65536", "127.0.0.1:²", "unix-abstract:m"],
)
def test_an_address_without_a_port_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="has no port"):
        local_target(text)


@pytest.mark.parametrize("text", ["unix:", "unix:m.sock", "unix:/", "unix:///"])
def test_a_socket_without_an_absolute_path_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="needs an absolute path"):
        local_target(text)


def test_a_socket_path_that_the_kernel_would_cut_is_refused() -> None:
    with pytest.raises(ValueError, match="longer than the 103 bytes"):
        local_target("unix:/" + "s" * 103)
    assert local_target("unix:/" + "s" * 102)


def test_only_a_socket_has_a_path() -> None:
    assert socket_path(local_target("unix:///run/m.sock")) == "/run/m.sock"
    assert socket_path(local_target("127.0.0.1:1")) is None
