"""What clients and operators are told, word for word: fixed sentences that name no value of the request."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from authz.domain.body import visible_body
from authz.domain.decision import read_decision
from authz.domain.envoy_identity import EnvoyIdentities, parse_envoy_identity
from authz.domain.errors import BadRequest, BodyNotVisible, PolicyMalformed
from authz.domain.justification import JUSTIFICATION_MAX, justification_of
from authz.domain.limits import RequirementLimits
from authz.domain.requirement_parser import RequirementDefaults, RequirementParser
from authz.domain.token import TicketKey, TokenMint, partition_of
from tests.support.gated_requests import gated, with_headers

PARSER = RequirementParser(RequirementDefaults(), RequirementLimits(), frozenset({"default"}))
KEY = TicketKey("k1", b"k" * 32)


def body(**changes: object) -> Callable[[], object]:
    return lambda: visible_body(gated(**{"headers": (), **changes}))


def why(*values: bytes) -> Callable[[], object]:
    return lambda: justification_of(
        with_headers(gated(), *(("x-approval-justification", value) for value in values))
    )


@pytest.mark.parametrize(
    ("act", "kind", "told"),
    [
        (body(body_limit=0), BodyNotVisible, "Envoy buffers no body on this route"),
        (
            body(method="CONNECT"),
            BodyNotVisible,
            "an upgraded connection has no body that could be checked beforehand",
        ),
        (body(partial=True), BodyNotVisible, "the body is longer than the 65536 bytes that Envoy buffers"),
        (
            body(body=b"a!", raw_body=False),
            BodyNotVisible,
            "the body was sent as text and may hide bytes outside UTF-8; set pack_as_bytes: true",
        ),
        (why(b"a", b"a"), BadRequest, "x-approval-justification was sent more than once"),
        (why(b"\xff"), BadRequest, "x-approval-justification is not UTF-8"),
        (
            why(b"x" * (JUSTIFICATION_MAX + 1)),
            BadRequest,
            "x-approval-justification is longer than 500 characters",
        ),
        (
            lambda: read_decision({"allowed": True, "approval": {}}),
            PolicyMalformed,
            "approval: a demand beside allowed: true contradicts it; only break_glass may stand there",
        ),
        (
            lambda: read_decision({"allowed": True, "requester": {}}),
            PolicyMalformed,
            "requester: ns and id are needed as strings of 1 to 512 characters, name may be one",
        ),
        (
            lambda: PARSER.parse([]),
            PolicyMalformed,
            "approval: an empty array demands nobody, and would be a hold that nobody could end",
        ),
        (lambda: EnvoyIdentities([]), ValueError, "the list of Envoy identities is empty"),
        (
            lambda: parse_envoy_identity("spiffe://*"),
            ValueError,
            (
                "'spiffe://*': /* can only end a SPIFFE ID with a path of its own, as spiffe://trust.domain/edge/*; "
                "everybody it matches can claim any principal"
            ),
        ),
        (
            lambda: parse_envoy_identity("*.test"),
            ValueError,
            "'*.test': * has a meaning only as the last segment of a SPIFFE ID; name each Envoy",
        ),
        (
            lambda: parse_envoy_identity("spiffe://Prod.test/edge"),
            ValueError,
            (
                "'spiffe://Prod.test/edge' is not a workload's SPIFFE ID "
                "(spiffe://trust.domain/path, lowercase trust domain)"
            ),
        ),
        (lambda: parse_envoy_identity("a b"), ValueError, "'a b' is neither a URI nor a DNS name"),
        (
            lambda: TokenMint([]),
            ValueError,
            "ticket keys: at least one is needed, each with a name of its own",
        ),
        (
            lambda: TokenMint([KEY, KEY]),
            ValueError,
            "ticket keys: at least one is needed, each with a name of its own",
        ),
        (lambda: partition_of("0"), ValueError, "'0' is not a ticket id"),
    ],
)
def test_it_says_what_happened_and_what_to_do(
    act: Callable[[], object], kind: type[Exception], told: str
) -> None:
    with pytest.raises(kind) as error:
        act()
    assert str(error.value) == told


def test_the_longest_justification_is_kept_and_its_surroundings_are_not() -> None:
    longest = "\u00e4" * JUSTIFICATION_MAX
    request = with_headers(gated(), ("x-approval-justification", f" {longest}\t".encode()))
    assert justification_of(request) == longest
    assert justification_of(gated()) == ""
