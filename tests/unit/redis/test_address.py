from __future__ import annotations

import pytest
from redis.asyncio.connection import SSLConnection

from authz.adapters.redis.address import HOSTS_MAX, Host, Topology, parse_address


def test_a_server_is_where_redis_py_finds_it() -> None:
    address = parse_address("redis://ops:pa%40ss@redis.example:6380/3")
    assert address.topology is Topology.SINGLE
    assert address.options == {
        "username": "ops",
        "password": "pa@ss",
        "host": "redis.example",
        "port": 6380,
        "db": 3,
    }
    assert parse_address("unix:///run/redis.sock").options["path"] == "/run/redis.sock"


def test_sentinels_are_listed_before_the_master() -> None:
    url = "redis+sentinel://ops:pa%2Css@a.example,b.example:5000,[::1]:5001/my%20master/2?sentinel_password=s%26t"
    address = parse_address(url)
    assert address.topology is Topology.SENTINEL
    assert address.hosts == (Host("a.example", 26379), Host("b.example", 5000), Host("::1", 5001))
    assert (address.master, address.options["db"]) == ("my master", 2)
    assert (address.options["username"], address.options["password"]) == ("ops", "pa,ss")
    assert "sentinel_password" not in address.options
    assert address.sentinel_options == {"password": "s&t"}


def test_without_credentials_of_their_own_sentinels_get_none() -> None:
    address = parse_address("redis+sentinel://:secret@a.example/m")
    assert address.options["password"] == "secret"
    assert address.sentinel_options == {}


def test_tls_holds_for_servers_and_sentinels() -> None:
    address = parse_address("rediss+sentinel://a.example/m?ssl_ca_certs=/ca.pem&socket_keepalive=1")
    assert address.options["connection_class"] is SSLConnection
    assert address.sentinel_options == {"connection_class": SSLConnection, "ssl_ca_certs": "/ca.pem"}
    assert "connection_class" not in parse_address("redis+sentinel://a.example/m").sentinel_options


def test_a_cluster_is_some_of_its_nodes() -> None:
    address = parse_address("rediss+cluster://:secret@a.example,b.example:7001/0?ssl_check_hostname=false")
    assert address.topology is Topology.CLUSTER
    assert address.hosts == (Host("a.example", 6379), Host("b.example", 7001))
    assert address.options["password"] == "secret"
    assert (address.options["connection_class"], address.options["ssl_check_hostname"]) == (
        SSLConnection,
        False,
    )


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("", "must begin with"),
        ("redis:hunter2", "must begin with"),
        ("http://hunter2@a", "must begin with"),
        ("redis+hunter2://a", "must begin with"),
        ("unix+sentinel://a/hunter2", "must begin with"),
        ("redis://user:hunter2", "can't be read"),
        ("redis://a:6379/0?db=hunter2", "Invalid value for 'db'"),
        ("redis://a:6379/0?hunter2=1", "an option that a connection to Redis doesn't have"),
        ("redis+sentinel://:hunter2@a:1", "must name the master"),
        ("redis+sentinel://:hunter2@a:1/", "must name the master"),
        ("redis+sentinel://:hunter2@a:1/m/zero", "a number as its database"),
        ("redis+sentinel://:hunter2@/m", "one of them is none"),
        ("redis+sentinel://:hunter2@a,,b/m", "one of them is none"),
        ("redis+sentinel://a:hunter2/m", "one of them is none"),
        ("redis+sentinel://a:0/m", "one of them is none"),
        ("redis+sentinel://a:65536/m", "one of them is none"),
        ("redis+sentinel://a/m?sentinel_hunter2=1", "an option that"),
        ("redis+cluster://:hunter2@a:1/3", "only database 0"),
        ("redis+cluster://:hunter2@", "one of them is none"),
        ("redis+cluster://" + ",".join(["a"] * (HOSTS_MAX + 1)), "65 hosts; 64 is the limit"),
    ],
)
def test_what_cannot_be_read_is_refused_without_being_repeated(url: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem) as refused:
        parse_address(url)
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize(
    "url",
    [
        "redis://:hunter2@a",
        "redis+sentinel://:hunter2@a/m?sentinel_password=hunter2",
        "redis+cluster://:hunter2@a",
    ],
)
def test_an_address_keeps_its_passwords_to_itself(url: str) -> None:
    assert "hunter2" not in repr(parse_address(url))
