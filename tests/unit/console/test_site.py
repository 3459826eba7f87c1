from __future__ import annotations

import pytest

from authz.domain.errors import SettingsInvalid
from authz.entrypoints.console.relative_time import relative
from authz.entrypoints.console.site import Site


@pytest.mark.parametrize(
    ("public_url", "host", "origin"),
    [
        ("http://127.0.0.1:8088/", "127.0.0.1:8088", "http://127.0.0.1:8088"),
        ("https://Holdgate.example", "holdgate.example", "https://holdgate.example"),
        ("https://holdgate.example:443", "holdgate.example", "https://holdgate.example"),
        ("http://holdgate.example:80", "holdgate.example", "http://holdgate.example"),
        ("https://[::1]:8443", "[::1]:8443", "https://[::1]:8443"),
    ],
)
def test_host_and_origin_are_what_a_browser_sends(public_url: str, host: str, origin: str) -> None:
    site = Site(public_url)
    assert (set(site.hosts), set(site.origins)) == ({host}, {origin})


def test_more_hosts_are_allowed_only_when_listed() -> None:
    site = Site("https://holdgate.example", ["Internal.example:8443"])
    assert site.hosts == {"holdgate.example", "internal.example:8443"}
    assert "https://internal.example:8443" in site.origins


@pytest.mark.parametrize(
    "public_url", ["", "holdgate.example", "ftp://x", "https://", "https://x/path", "https://x/?q"]
)
def test_what_is_no_address_of_a_whole_host_is_refused(public_url: str) -> None:
    with pytest.raises(SettingsInvalid, match="HOLDGATE_PUBLIC_URL"):
        Site(public_url)


@pytest.mark.parametrize(
    ("milliseconds", "words"),
    [
        (0, "now"),
        (999, "now"),
        (1000, "in 1 second"),
        (-59_000, "59 seconds ago"),
        (60_000, "in 1 minute"),
        (-7_200_000, "2 hours ago"),
        (172_800_000, "in 2 days"),
    ],
)
def test_times_in_words(milliseconds: int, words: str) -> None:
    assert relative(milliseconds, 0) == words
