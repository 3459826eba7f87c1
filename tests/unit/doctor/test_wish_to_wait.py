"""A client's header that only gives its check time, and one that leads its request elsewhere."""

from __future__ import annotations

from copy import deepcopy
from typing import Any, Final

import pytest

from tests.e2e.doctor.fault import EXT_AUTHZ
from tests.e2e.envoy_config.stack import Document, route, routes
from tests.unit.doctor.dumps import ours, said

ELSEWHERE: Final = {"envoy-wait-elsewhere"}


def plain(document: Document, prefix: str, **fields: Any) -> Document:  # noqa: ANN401 - protobuf JSON
    """Return a gated route for a prefix."""
    return {**deepcopy(route(document, "gated")), "name": prefix, "match": {"prefix": prefix}, **fields}


def wished(document: Document, prefix: str) -> Document:
    """Return the copy of it for clients that ask to wait."""
    copied = deepcopy(route(document, "gated_waiting"))
    copied["match"]["prefix"] = prefix
    return {**copied, "name": f"{prefix} waiting"}


def put(document: Document, *added: Document) -> None:
    """Put routes before all of ours that are gated."""
    routes(document)[1:1] = added


def test_copies_may_stand_each_before_its_own_or_all_together() -> None:
    one, all_together = ours(), ours()
    put(one, wished(one, "/a"), plain(one, "/a"), wished(one, "/b"), plain(one, "/b"))
    put(
        all_together,
        *(wished(all_together, prefix) for prefix in ("/a", "/b")),
        *(plain(all_together, prefix) for prefix in ("/a", "/b")),
    )
    assert said(one) == said(all_together) == set()


def test_copies_in_another_order_than_their_own_lead_elsewhere() -> None:
    """With the header /a/b is led as /a, without it as /a/b."""
    document = ours()
    put(
        document,
        wished(document, "/a"),
        plain(document, "/a/b"),
        wished(document, "/a/b"),
        plain(document, "/a"),
    )
    assert said(document) == ELSEWHERE


def test_a_copy_without_an_original_leads_elsewhere() -> None:
    document = ours()
    put(document, wished(document, "/a"))
    assert said(document) == ELSEWHERE


def test_a_copy_behind_its_original_is_never_taken_and_named_all_the_same() -> None:
    document = ours()
    put(document, plain(document, "/a"), wished(document, "/a"))
    assert said(document) == ELSEWHERE


@pytest.mark.parametrize(
    "fields",
    [
        {"route": {"cluster": "upstream", "timeout": "1s"}},
        {"request_headers_to_add": [{"header": {"key": "x-env", "value": "prod"}}]},
        {"typed_per_filter_config": {"mine": {"@type": "type.googleapis.com/company.Mine"}}},
    ],
)
def test_a_copy_that_does_something_else_leads_elsewhere(fields: Document) -> None:
    document = ours()
    put(document, wished(document, "/a"), plain(document, "/a", **fields))
    assert said(document) == ELSEWHERE


@pytest.mark.parametrize("name", ["stat_prefix", "metadata"])
def test_what_has_no_effect_may_differ(name: str) -> None:
    document = ours()
    put(document, wished(document, "/a"), plain(document, "/a", **{name: "a"}))
    assert said(document) == set()


def test_what_a_ticket_is_bound_to_has_to_be_the_same() -> None:
    """An approval of a request that waited would be one of another request without the header."""
    document = ours()
    extensions = {"context_extensions": {"team": "a"}}
    kind = "type.googleapis.com/envoy.extensions.filters.http.ext_authz.v3.ExtAuthzPerRoute"
    own = {EXT_AUTHZ: {"@type": kind, "check_settings": extensions}}
    copied = wished(document, "/a")
    put(document, copied, plain(document, "/a", typed_per_filter_config=own))
    assert said(document) == ELSEWHERE
    copied["typed_per_filter_config"][EXT_AUTHZ]["check_settings"] |= extensions
    assert said(document) == set()


def test_other_headers_that_a_route_matches_stay() -> None:
    document = ours(HOLDGATE_BIND_HEADERS="x-env")
    header = {"name": "x-env", "string_match": {"exact": "prod"}}
    copied, original = wished(document, "/a"), plain(document, "/a")
    original["match"]["headers"] = [header]
    put(document, copied, original)
    assert said(document, HOLDGATE_BIND_HEADERS="x-env") == ELSEWHERE
    copied["match"]["headers"].insert(0, header)
    assert said(document, HOLDGATE_BIND_HEADERS="x-env") == set()


def test_a_wish_that_tickets_are_bound_to_may_choose() -> None:
    document = ours()
    put(document, wished(document, "/a"))
    assert said(document, HOLDGATE_BIND_HEADERS="prefer") == set()


def test_a_limit_that_is_off_cuts_no_wait() -> None:
    document = ours()
    for each in routes(document)[1:]:
        each["route"] |= {"idle_timeout": "0s", "max_stream_duration": {"max_stream_duration": "0s"}}
    assert said(document) == set()


def test_paths_that_wait_without_a_wish_are_fine() -> None:
    settings = {"HOLDGATE_ENVOY_WAIT_PREFIXES": "/deploy/,/keys"}
    assert said(ours(**settings), **settings) == set()


def test_servers_that_let_nobody_wait_have_no_routes_for_it_to_miss() -> None:
    settings = {"HOLDGATE_MAX_WAITERS": "0"}
    assert said(ours(**settings), **settings) == set()
