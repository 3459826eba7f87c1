"""What clients and operators are told, word for word: fixed sentences that name no value of the request."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from authz.domain.body import visible_body
from authz.domain.decision import read_decision
from authz.domain.envoy_identity import EnvoyIdentities, parse_envoy_identity
from authz.domain.errors import BadRequest, BodyNotVisible, PolicyMalformed
from authz.domain.framing import refuse_reframing
from authz.domain.header_mutation import Mutations
from authz.domain.justification import JUSTIFICATION_MAX, justification_of
from authz.domain.limits import RequirementLimits
from authz.domain.requirement_parser import RequirementDefaults, RequirementParser
from authz.domain.reserved_headers import refuse_rebinding, refuse_reserved
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
        (lambda: read_decision(7), PolicyMalformed, "the decision is 7; it must be true, false or an object"),
        (lambda: read_decision({"allowed": "yes"}), PolicyMalformed, "allowed: 'yes' must be true or false"),
        (
            lambda: read_decision({"allowed": False, "body": 7}),
            PolicyMalformed,
            "body: 7 must be a string",
        ),
        (
            lambda: read_decision({"allowed": False, "http_status": 100}),
            PolicyMalformed,
            "http_status: 100 is not an HTTP status from 200 to 599",
        ),
        (
            lambda: read_decision({"allowed": False, "http_status": "x"}),
            PolicyMalformed,
            "http_status: 'x' must be a whole number, written as one",
        ),
        (
            lambda: read_decision({"allowed": False, "http_status": 200, "approval": {}}),
            PolicyMalformed,
            "http_status: 200 beside a demand must be one of [202, 403, 428, 503]",
        ),
        (
            lambda: read_decision({"allowed": True, "headers": {"x-a": "a", "x b": "c"}}),
            PolicyMalformed,
            "headers: a string of 3 characters has a name or value that is not one of RFC 9110 section 5",
        ),
        (
            lambda: read_decision({"allowed": True, "headers": ["x-a"]}),
            PolicyMalformed,
            "headers: 'x-a' must be an object of strings",
        ),
        (
            lambda: read_decision({"allowed": True, "headers": {"x-a": [1]}}),
            PolicyMalformed,
            "headers: 'x-a' has an array of 1 entry; it must be a string or an array of strings",
        ),
        (
            lambda: read_decision({"allowed": True, "request_headers_to_remove": "x-a"}),
            PolicyMalformed,
            "request_headers_to_remove: 'x-a' must be an array of strings",
        ),
        (
            lambda: read_decision({"allowed": True, "dynamic_metadata": 7}),
            PolicyMalformed,
            "dynamic_metadata: 7 must be an object",
        ),
        (
            lambda: refuse_reframing(Mutations(headers=(("Upgrade", "h2c"),))),
            PolicyMalformed,
            "headers: 'Upgrade' frames the message and can't be changed; leave it to Envoy",
        ),
        (
            lambda: refuse_reframing(Mutations(remove_headers=("content-length",))),
            PolicyMalformed,
            (
                "request_headers_to_remove: 'content-length' frames the message and can't be changed; "
                "leave it to Envoy"
            ),
        ),
        (
            lambda: refuse_reframing(Mutations(response_headers=(("connection", "close"),))),
            PolicyMalformed,
            "response_headers_to_add: 'connection' frames the message and can't be changed; leave it to Envoy",
        ),
        (
            lambda: refuse_reframing(Mutations(headers=(("x-a", "1"), (":path", "no path")))),
            PolicyMalformed,
            "headers: ':path' is set to something that no request line can have, or twice",
        ),
        (
            lambda: refuse_reserved(Mutations(headers=(("x-a", "1"), ("X_Approval_By", "me")))),
            PolicyMalformed,
            "headers: 'X_Approval_By' is Holdgate's own; choose a name that does not begin with x-approval-",
        ),
        (
            lambda: refuse_rebinding(
                Mutations(headers=((":Path", "/b"),), remove_headers=("X-Tenant",), remove_query=("q",)),
                ["x-tenant"],
            ),
            PolicyMalformed,
            (
                "the policy changes [':path', 'x-tenant', 'query'] on a redemption; "
                "what was approved is what must run"
            ),
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
