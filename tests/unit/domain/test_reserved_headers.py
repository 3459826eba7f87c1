from __future__ import annotations

import pytest

from authz.domain.errors import PolicyMalformed
from authz.domain.fingerprint import ALWAYS_BOUND_HEADERS
from authz.domain.header_mutation import Mutations
from authz.domain.reserved_headers import (
    carries_ticket,
    is_reserved,
    refuse_rebinding,
    refuse_reserved,
    repeating,
    spoofed,
)
from tests.support.gated_requests import gated, with_headers

SPELLINGS = [
    *("x-approval-id", "X-Approval-By", "x_approval_by"),
    *("x-approval_receipt", "X_APPROVAL_TICKET", "x-approval-"),
]


@pytest.mark.parametrize("name", SPELLINGS)
def test_every_spelling_that_an_upstream_folds_into_ours_is_ours(name: str) -> None:
    """CGI and WSGI make one variable of `-` and `_` (measured through Envoy)."""
    assert is_reserved(name)
    with pytest.raises(PolicyMalformed, match="is Holdgate's own"):
        refuse_reserved(Mutations(headers=((name, "forged"),)))


@pytest.mark.parametrize(
    "name", ["x-approval", "approval-id", "x-approvals-id", "y-x-approval-id", "x.approval.id"]
)
def test_other_names_are_free(name: str) -> None:
    """A policy may set them."""
    assert not is_reserved(name)
    refuse_reserved(Mutations(headers=((name, "1"),)))


def test_what_a_client_forged_is_named_once() -> None:
    """In the spelling that has to be removed."""
    names = ("x-approval-by", "x_approval_by", "x-approval-by", "x-approval-ticket", "accept")
    request = with_headers(gated(), *((name, b"boss") for name in names))
    assert spoofed(request) == ("x-approval-by", "x-approval-ticket", "x_approval_by")


def test_what_makes_envoy_repeat_a_request_is_named() -> None:
    """One use must be one hit upstream."""
    names = (
        "x-envoy-retry-on",
        "x-envoy-retry-grpc-on",
        "x-envoy-max-retries",
        "x-envoy-hedge-on-per-try-timeout",
    )
    request = with_headers(gated(), *((name, b"5xx") for name in (*names, "x-envoy-internal", "retry-after")))
    assert repeating(request) == tuple(sorted(names))


def test_a_misspelled_ticket_header_is_a_ticket_header() -> None:
    """Its value must not be logged either."""
    assert carries_ticket("X-Approval-Ticket")
    assert carries_ticket("x_approval_ticket")
    assert not carries_ticket("x-approval-id")


@pytest.mark.parametrize(
    "name", [":path", ":method", ":authority", ":scheme", "host", "Host", "content-type", "X-Tenant"]
)
@pytest.mark.parametrize("removed", [True, False])
def test_a_mutation_of_what_was_approved_is_a_policy_error(name: str, *, removed: bool) -> None:
    """What was approved is what must run."""
    mutations = Mutations(remove_headers=(name,)) if removed else Mutations(headers=((name, "1"),))
    with pytest.raises(PolicyMalformed, match="what was approved is what must run"):
        refuse_rebinding(mutations, ALWAYS_BOUND_HEADERS | {"x-tenant"})


@pytest.mark.parametrize("mutations", [Mutations(set_query=(("a", "b"),)), Mutations(remove_query=("a",))])
def test_a_changed_query_is_a_policy_error(mutations: Mutations) -> None:
    """The query is always bound."""
    with pytest.raises(PolicyMalformed, match="query"):
        refuse_rebinding(mutations, ALWAYS_BOUND_HEADERS)


def test_other_changes_are_the_policys_own() -> None:
    """A redemption may carry what a plain allow may."""
    free = Mutations((("x-user", "alice"),), ("authorization",), (("x-served-by", "gate"),))
    refuse_rebinding(free, ALWAYS_BOUND_HEADERS)
