"""Where the bot's token may go."""

from __future__ import annotations

import pytest

from authz.adapters.bot_framework.service_url import is_on_this_machine, loopback_url, trusted_url
from authz.adapters.bot_framework.settings import SERVICE_HOSTS

VENDORS = [
    "https://smba.trafficmanager.net/emea/",
    "https://smba.trafficmanager.net/amer/00000000-0000-0000-0000-0000000000e1/",
    "https://smba.trafficmanager.net:443/uk/",
    "https://SMBA.trafficmanager.net/in/",
    "https://smba.infra.gcc.teams.microsoft.com/teams",
]
OTHERS = [
    "",
    "smba.trafficmanager.net",
    "//smba.trafficmanager.net/",
    "http://smba.trafficmanager.net/emea/",
    "ftp://smba.trafficmanager.net/",
    "https://smba.trafficmanager.net:8443/emea/",
    "https://evil.trafficmanager.net/",
    "https://smba.trafficmanager.net.evil.example/",
    "https://smba.trafficmanager.net@evil.example/",
    "https://evil.example@smba.trafficmanager.net/",
    "https://evil.example\\@smba.trafficmanager.net/",
    "https://smba.trafficmanager.net\\.evil.example/",
    "https://smba.trafficmanager.net%2eevil.example/",
    "https://evil.example/?https://smba.trafficmanager.net/",
    "https://evil.example/#smba.trafficmanager.net",
    "https://smba.trafficmanager.net/?x=1",
    "https://smba.trafficmanager.net/#x",
    "https://teams.microsoft.com.evil.example/",
    "https://evilteams.microsoft.com/",
    "https://evil-teams.microsoft.com/",
    "https://microsoft.com/",
    "https://smba.trafficmanager.net./",
    "https://localhost/",
    "http://127.0.0.1:3978/",
    "http://[::1]/",
    "https://evil.example\\.teams.microsoft.com/",
    "https://evil.example%2f.teams.microsoft.com/",
    "https://évil.teams.microsoft.com/",
    "https:///emea/",
    "https://smba.trafficmanager.net\n.evil.example/",
    "https://smbа.trafficmanager.net/",  # noqa: RUF001 - not the Latin a
    "https://ｓmba.trafficmanager.net.evil.example/",  # noqa: RUF001 - a full-width s
]


@pytest.mark.parametrize("service_url", VENDORS)
def test_the_vendors_services_are_trusted(service_url: str) -> None:
    assert trusted_url(service_url, SERVICE_HOSTS).host in {
        "smba.trafficmanager.net",
        "smba.infra.gcc.teams.microsoft.com",
    }


@pytest.mark.parametrize("service_url", OTHERS)
def test_nothing_else_is(service_url: str) -> None:
    with pytest.raises(ValueError, match=r"^(it|its host|[a-z0-9.:-]+ isn't among) "):
        trusted_url(service_url, SERVICE_HOSTS)


def test_this_machine_is_trusted_where_it_is_listed() -> None:
    assert trusted_url("http://127.0.0.1:3978/x", ("127.0.0.1",)).port == 3978
    with pytest.raises(ValueError, match="https"):
        trusted_url("http://service.example/", ("service.example",))


@pytest.mark.parametrize(
    "service_url", ["http://127.0.0.1:56150/_connector", "http://localhost:1/", "http://[::1]:1/"]
)
def test_a_service_on_this_machine_is_known(service_url: str) -> None:
    assert is_on_this_machine(service_url)
    assert loopback_url(service_url).scheme == "http"


@pytest.mark.parametrize(
    "service_url",
    [
        "https://smba.trafficmanager.net/",
        "http://127.0.0.1.evil.example/",
        "http://127.0.0.1@evil.example/",
        "http://localhost.evil.example/",
        "http://10.0.0.1/",
        "http://0.0.0.0/",
        "127.0.0.1",
    ],
)
def test_what_only_looks_like_it_is_not(service_url: str) -> None:
    assert not is_on_this_machine(service_url)
