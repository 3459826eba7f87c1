"""Which addresses nobody in between can listen to."""

from __future__ import annotations

import pytest

from authz.domain.protected_url import is_protected


@pytest.mark.parametrize(
    "url",
    [
        "https://idp.example",
        "https://10.0.0.7:8443/x",
        "HTTPS://idp.example",
        "http://localhost:8088",
        "http://127.0.0.1/x",
        "http://127.9.8.7",
        "http://[::1]:8088",
    ],
)
def test_what_is_encrypted_or_stays_on_this_machine_is_protected(url: str) -> None:
    assert is_protected(url)


@pytest.mark.parametrize(
    "url",
    [
        "http://idp.example",
        "http://10.0.0.7",
        "http://localhost.example",
        "http://[::2]",
        "http://",
        "https://",
        "https:///path",
        "ftp://127.0.0.1",
        "ws://localhost",
        "unix:/run/x.sock",
        "localhost",
        "",
    ],
)
def test_all_else_is_not(url: str) -> None:
    assert not is_protected(url)
