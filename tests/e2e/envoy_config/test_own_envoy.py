"""The fragment in somebody's own Envoy, and the variations that docs/envoy.md shows."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest
import yaml

from authz.adapters.envoy_config.plan import JwtProvider
from authz.adapters.envoy_config.render import render
from tests.e2e.envoy_config import http1, http2
from tests.e2e.envoy_config.check_server import raw_headers
from tests.e2e.envoy_config.held_checks import WAIT, holding
from tests.e2e.envoy_config.own_envoy import is_part_of, merge_parts, own_bootstrap
from tests.e2e.envoy_config.stack import Change, Document, Stack, routes
from tests.support.envoy import running_envoy
from tests.support.ports import free_port

DOCS: Final = Path(__file__).parents[3] / "docs" / "envoy.md"
TICKET: Final = ("x-approval-ticket", b"hg1.a")


def snippets(heading: str) -> list[Document]:
    """Return the YAML blocks below one heading of the docs."""
    (section,) = re.findall(rf"^## {heading}\n(.*?)(?=^## |\Z)", DOCS.read_text(), re.DOTALL | re.MULTILINE)
    return [
        yaml.safe_load(block)
        for block in re.findall(r"^```yaml\n(.*?)^```", section, re.DOTALL | re.MULTILINE)
    ]


def variation(name: str) -> Document:
    """Return the variation of the docs that has a route or an option of this name."""
    (found,) = (each for each in snippets("Variations") if f"'{name}'" in repr(each))
    return found


@contextmanager
def own_envoy(
    stack: Stack,
    folder: Path,
    *variations: Document,
    own: Change = lambda _document: None,
    check_timeout: float = 2.0,
) -> Iterator[int]:
    """Run an own Envoy, changed by `own`, with the fragment and some variations merged in; give its port."""
    port, admin = free_port(), free_port()
    document = own_bootstrap(port, admin, stack.upstream.port)
    own(document)
    plan = replace(stack.plan(), body_limit=65_536, check_timeout=check_timeout)
    for parts in (json.loads(render(plan, "fragment", "json")), *variations):
        merge_parts(document, parts)
    with running_envoy(json.dumps(document), folder):
        yield port


def test_an_own_envoy_with_the_fragment_is_gated_like_ours(stack: Stack, tmp_path: Path) -> None:
    with own_envoy(stack, tmp_path) as port:
        http1.send(port, "/a/../b", ("x-approval-by", b"boss"), TICKET, method="POST", body=b"\xff" * 70_000)
        assert http1.send(port, "/", ("x_approval_by", b"boss")).status == 400
        assert http1.send(port, "/a%2fb").status == 400
        assert http1.send(port, "/.holdgate/tickets/abc", TICKET).status == 200
    seen = dict(raw_headers(stack.check.checks[0]))
    assert (stack.check.http.path, seen["x-approval-ticket"]) == ("/b", b"hg1.a")
    assert stack.check.http.raw_body == b"\xff" * 65_536
    (forwarded,) = stack.upstream.received
    assert not {"x-approval-by", "x-approval-ticket"} & forwarded.names()
    assert len(forwarded.body) == 70_000
    assert stack.console.received[0].values("x-approval-ticket") == [b"hg1.a"]


def test_control_an_own_envoy_without_the_fragment_lets_all_of_that_through(
    stack: Stack, tmp_path: Path
) -> None:
    port, admin = free_port(), free_port()
    with running_envoy(json.dumps(own_bootstrap(port, admin, stack.upstream.port)), tmp_path):
        http1.send(port, "/a%2f../b", ("x-approval-by", b"boss"), ("x_approval_by", b"boss"), TICKET)
    assert not stack.check.checks
    assert {"x-approval-by", "x_approval_by", "x-approval-ticket"} <= stack.upstream.received[0].names()


def chosen_by_tenant(document: Document) -> None:
    """Give the route a header to match, and less time for the upstream than a check may take."""
    (mine,) = routes(document)
    mine["match"]["headers"] = [{"name": "x-tenant", "string_match": {"exact": "a"}}]
    mine["route"]["timeout"] = "0.2s"


def test_in_an_own_envoy_clients_wait_where_they_would_have_been_led(stack: Stack, tmp_path: Path) -> None:
    """The upstream's own timeout doesn't count meanwhile: a check that came later has run into its own."""
    tenant, wish = ("x-tenant", b"a"), ("prefer", b"wait=30")
    with (
        own_envoy(stack, tmp_path, own=chosen_by_tenant, check_timeout=0.5) as port,
        ThreadPoolExecutor(1) as pool,
        holding(stack.check) as held,
    ):
        assert http1.send(port, "/", wish).status == 404
        waiting = pool.submit(http1.send, port, "/", tenant, wish, TICKET)
        held.arrive(1)
        assert http1.send(port, "/", tenant).status == 503
        assert held.taken_back.wait(WAIT)
        assert waiting.result(WAIT).status == 200
    assert [each > 50 for each in held.remaining] == [True, False]
    (forwarded,) = stack.upstream.received
    assert not {"x-approval-ticket"} & forwarded.names()


@pytest.mark.parametrize("number", range(len(snippets("Your own Envoy"))))
def test_what_the_docs_show_of_the_fragment_is_in_the_fragment(number: int, stack: Stack) -> None:
    plan = replace(stack.plan(), body_limit=65_536, check_timeout=0.5)
    fragment = json.loads(render(plan, "fragment", "json"))
    assert is_part_of(snippets("Your own Envoy")[number], fragment)
    assert not is_part_of({"http_connection_manager": {"merge_slashes": False}}, fragment)


def test_what_the_docs_show_about_callers_is_in_the_fragment_with_an_issuer(stack: Stack) -> None:
    jwks = json.dumps({"keys": [{"kty": "OKP", "crv": "Ed25519", "x": "MTIz"}]})
    provider = JwtProvider(issuer="https://issuer.test", audiences=("gate",), jwks=jwks)
    fragment = json.loads(render(replace(stack.plan(), jwt=provider), "fragment", "json"))
    (shown,) = snippets("Who is calling")
    assert is_part_of(shown, fragment)
    assert not is_part_of(shown, json.loads(render(stack.plan(), "fragment", "json")))


def test_what_the_docs_show_about_browsers_is_in_the_fragment_with_an_origin(stack: Stack) -> None:
    plan = replace(stack.plan(), cors_origins=("https://app.example",))
    (shown,) = snippets("Browsers")
    assert is_part_of(shown, json.loads(render(plan, "fragment", "json")))
    assert not is_part_of(shown, json.loads(render(stack.plan(), "fragment", "json")))


def test_a_path_of_ones_own_can_be_given_time_without_the_clients_wish(stack: Stack, tmp_path: Path) -> None:
    """As the docs show it, which is what the fragment has for clients that wish to."""
    shown = variation("deployments")
    plan = replace(stack.plan(), check_timeout=0.5, grpc_max_message=8 * 1024 * 1024)
    waiting = json.loads(render(plan, "fragment", "json"))["each_waiting_route"]
    (route,) = shown["routes"]
    assert route["typed_per_filter_config"] == waiting["typed_per_filter_config"]
    with own_envoy(stack, tmp_path, shown) as port, holding(stack.check) as held:
        held.release()
        for path in ("/deployments/a", "/other"):
            assert http1.send(port, path).status == 200
    assert [each > 50 for each in held.remaining] == [True, False]


@pytest.mark.parametrize("stripped", [True, False], ids=["as documented", "control: no removal"])
def test_an_exempt_route_is_unchecked_and_keeps_the_ticket_from_the_upstream(
    stripped: bool, stack: Stack, tmp_path: Path
) -> None:
    health = variation("health")
    if not stripped:
        del health["routes"][0]["request_headers_to_remove"]
    with own_envoy(stack, tmp_path, health) as port:
        http1.send(port, "/healthz", TICKET, ("x-approval-by", b"boss"))
    assert not stack.check.checks
    assert ("x-approval-ticket" in stack.upstream.received[0].names()) is not stripped
    assert "x-approval-by" not in stack.upstream.received[0].names()


def test_a_route_with_a_larger_body_limit_shows_larger_bodies_and_says_so(
    stack: Stack, tmp_path: Path
) -> None:
    body = b"a" * (1024 * 1024 - 1)
    with own_envoy(stack, tmp_path, variation("uploads")) as port:
        assert http1.send(port, "/uploads/a", method="POST", body=body).status == 200
        assert http2.send(port, "/uploads/a", body=body).status == 200
        assert http1.send(port, "/other", method="POST", body=body).status == 200
    limits = [check.attributes.context_extensions.get("holdgate_body_limit") for check in stack.check.checks]
    shown = [len(check.attributes.request.http.raw_body) for check in stack.check.checks]
    assert limits == ["1048576", "1048576", None]
    assert shown == [len(body), len(body), 65_536]


def test_escaped_slashes_that_are_kept_reach_both_unchanged(stack: Stack, tmp_path: Path) -> None:
    with own_envoy(stack, tmp_path, variation("KEEP_UNCHANGED")) as port:
        http1.send(port, "/projects/group%2Fname/../x")
    assert stack.check.http.path == stack.upstream.received[0].target == "/projects/x"


def test_behind_a_trusted_proxy_the_clients_address_comes_from_it(stack: Stack, tmp_path: Path) -> None:
    headers = ("x-forwarded-for", b"198.51.100.7, 203.0.113.9")
    with own_envoy(stack, tmp_path / "trusting", variation("xff_num_trusted_hops")) as port:
        http1.send(port, "/", headers)
    with own_envoy(stack, tmp_path / "direct") as port:
        http1.send(port, "/", headers)
    addresses = [dict(raw_headers(check))["x-envoy-external-address"] for check in stack.check.checks]
    peers = {check.attributes.source.address.socket_address.address for check in stack.check.checks}
    assert addresses == [b"203.0.113.9", b"127.0.0.1"]
    assert peers == {"127.0.0.1"}


def test_every_route_of_the_variations_that_leads_to_the_upstream_removes_the_ticket() -> None:
    shown = [route for each in snippets("Variations") for route in each.get("routes", [])]
    assert shown
    assert all("x-approval-ticket" in route["request_headers_to_remove"] for route in shown)


def test_merging_puts_the_filters_before_the_router_and_the_status_first(stack: Stack) -> None:
    document = own_bootstrap(1, 2, 3)
    merge_parts(document, json.loads(render(stack.plan(), "fragment", "json")))
    assert [route["name"] for route in routes(document)] == ["ticket_status", "mine_waiting", "mine"]
