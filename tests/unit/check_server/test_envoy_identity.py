from __future__ import annotations

import pytest

from authz.domain.envoy_identity import EnvoyIdentities, parse_envoy_identity


@pytest.mark.parametrize(
    ("entry", "uris", "names"),
    [
        ("envoy.test", [], ["envoy.test"]),
        ("Envoy.Test", [], ["eNVOY.test"]),
        ("envoy.test", [], ["other.test", "envoy.test"]),
        ("spiffe://prod.test/edge", ["spiffe://prod.test/edge"], []),
        ("spiffe://prod.test/edge/*", ["spiffe://prod.test/edge/a"], []),
        ("spiffe://prod.test/edge/*", ["spiffe://prod.test/edge/a/b.c_d-e"], []),
        ("https://envoy.test/id", ["https://envoy.test/id"], []),
        ("https://envoy.test/Id", ["https://envoy.test/Id"], []),
        ("urn:uuid:6e8bc430", ["urn:uuid:6e8bc430"], []),
    ],
)
def test_a_listed_envoy_may_ask(entry: str, uris: list[str], names: list[str]) -> None:
    assert EnvoyIdentities([entry]).permits(uris, names)


@pytest.mark.parametrize(
    ("entry", "uris", "names"),
    [
        ("envoy.test", [], []),
        ("envoy.test", [], ["other.test"]),
        ("envoy.test", [], ["envoy.test.evil.test"]),
        ("envoy.test", [], ["a.envoy.test"]),
        ("envoy.test", [], ["*.test"]),
        ("envoy.test", [], ["envoy.test\0.evil.test"]),
        ("envoy.test", [], ["envoy.test "]),
        ("envoy.test", ["envoy.test"], []),
        ("spiffe://prod.test/edge", [], ["spiffe://prod.test/edge"]),
        ("https://envoy.test/Id", ["https://envoy.test/id"], []),
        ("spiffe://prod.test/edge", ["spiffe://prod.test/edge/a"], []),
        ("spiffe://prod.test/edge", ["spiffe://prod.test/Edge"], []),
        ("spiffe://prod.test/edge", ["spiffe://prod.test/edge", "spiffe://prod.test/app"], []),
        ("spiffe://prod.test/edge/*", ["spiffe://prod.test/edge"], []),
        ("spiffe://prod.test/edge/*", ["spiffe://prod.test/edge/"], []),
        ("spiffe://prod.test/edge/*", ["spiffe://prod.test/edge2/a"], []),
        ("spiffe://prod.test/edge/*", ["spiffe://prod.test/edge/../app"], []),
        ("spiffe://prod.test/edge/*", ["spiffe://prod.test/edge/%2e%2e/app"], []),
        ("spiffe://prod.test/edge/*", ["spiffe://prod.test/edge//app"], []),
        ("spiffe://prod.test/edge/*", ["spiffe://prod.test.evil.test/edge/a"], []),
        ("spiffe://prod.test/edge/*", ["spiffe://prod.test/edge/a\n"], []),
    ],
)
def test_nobody_else_may(entry: str, uris: list[str], names: list[str]) -> None:
    assert not EnvoyIdentities([entry]).permits(uris, names)


@pytest.mark.parametrize(
    "entry",
    [
        "",
        "*",
        "*.test",
        "spiffe://*",
        "spiffe://*/edge",
        "spiffe://prod.test",
        "spiffe://prod.test/",
        "spiffe://prod.test/*",
        "spiffe://prod.test/edge*",
        "spiffe://prod.test/*/edge",
        "spiffe://prod.test/edge/../*",
        "spiffe://prod.test/edge//*",
        "spiffe://Prod.test/edge",
        "spiffe://prod.test/%65dge",
        "spiffe://prod.test:8443/edge",
        "https://envoy.test/*",
        "envoy test",
        "envoy..test",
        "bücher.test",
        "a" * 64,
    ],
)
def test_an_entry_that_says_too_much_or_nothing_is_refused(entry: str) -> None:
    with pytest.raises(ValueError, match=r"'|SPIFFE|URI"):
        parse_envoy_identity(entry)


def test_an_empty_list_is_a_mistake_and_not_everybody() -> None:
    with pytest.raises(ValueError, match="empty"):
        EnvoyIdentities([])
