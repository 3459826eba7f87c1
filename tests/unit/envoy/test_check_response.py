from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import pytest
from google.protobuf.json_format import MessageToDict
from google.rpc.code_pb2 import OK, PERMISSION_DENIED, UNAVAILABLE

from authz.adapters.envoy import check_response as module
from authz.domain.answer import Forward, Kind, Respond
from authz.domain.header_mutation import Mutations
from authz.services.check.call import Outcome
from authz.wire.ext_authz_pb2 import CheckRequest, CheckResponse, HeaderValueOption

PACKAGE = Path(__file__).resolve().parents[3] / "authz"
ONLY_MAKER = PACKAGE / "adapters" / "envoy" / "check_response.py"


def check_response(outcome: Outcome) -> CheckResponse:
    return module.check_response(outcome, CheckRequest())


def refused(status: int = 403, kind: Kind = Kind.DENY, **more: object) -> CheckResponse:
    return check_response(Outcome(kind, Respond(status, **more)))  # type: ignore[arg-type]


def shown(options: Iterator[HeaderValueOption]) -> list[tuple[str, str, bool]]:
    return [(option.header.key, option.header.value, option.append.value) for option in options]


def makers(source: str) -> list[int]:
    """Return the lines in which something makes a CheckResponse, by whatever name it has there."""
    tree = ast.parse(source)
    names = {"CheckResponse"}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            names |= {alias.asname for alias in node.names if alias.name == "CheckResponse" and alias.asname}
    return [
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and ast.unparse(node.func).removesuffix(".FromString").rpartition(".")[2] in names
    ]


def test_a_response_is_made_in_one_place_only() -> None:
    """An empty CheckResponse is an allow (measured), so nobody else may make one."""
    found = {
        path
        for path in PACKAGE.rglob("*.py")
        if "wire" not in path.relative_to(PACKAGE).parts and makers(path.read_text(encoding="utf-8"))
    }
    assert found == {ONLY_MAKER}


@pytest.mark.parametrize(
    "source",
    [
        "from wire import CheckResponse\nCheckResponse()",
        "from wire import CheckResponse as Answer\nAnswer()",
        "import wire\nwire.CheckResponse(status=None)",
        "import wire\nwire.CheckResponse.FromString(b'')",
    ],
)
def test_the_search_finds_every_way_to_make_one(source: str) -> None:
    """Control: each of these would be found in another file."""
    assert makers(source) == [2]


def test_an_empty_response_would_be_an_allow() -> None:
    """Control: this is what must not be sent; code 0 is all that Envoy looks at."""
    assert CheckResponse().status.code == OK


@pytest.mark.parametrize("kind", Kind)
def test_only_a_forward_has_code_zero(kind: Kind) -> None:
    """Whatever the outcome calls itself."""
    response = refused(kind=kind)
    assert response.status.code == (UNAVAILABLE if kind is Kind.ERROR else PERMISSION_DENIED)
    assert response.WhichOneof("http_response") == "denied_response"
    allowed = check_response(Outcome(kind, Forward()))
    assert (allowed.status.code, allowed.WhichOneof("http_response")) == (OK, "ok_response")


@pytest.mark.parametrize("status", [200, 202, 299, 403, 409, 428, 451, 503, 599])
def test_a_final_status_is_passed_on(status: int) -> None:
    """Also one that Envoy's enum has no name for."""
    assert int(refused(status).denied_response.status.code) == status


@pytest.mark.parametrize("status", [0, -1, 100, 101, 199, 600, 1000])
def test_another_status_is_an_error(status: int) -> None:
    """Envoy would pass it on blindly."""
    with pytest.raises(ValueError, match="no final HTTP status"):
        refused(status)


def test_headers_of_a_denial_are_never_appended() -> None:
    """Envoy drops those silently (measured); a name may come twice."""
    response = refused(headers=(("set-cookie", "a=1"), ("set-cookie", "b=2")), body=b"no \xff")
    denied = response.denied_response
    assert shown(denied.headers) == [("set-cookie", "a=1", False), ("set-cookie", "b=2", False)]  # type: ignore[arg-type]
    assert all(option.HasField("append") for option in denied.headers)
    assert denied.body == "no \ufffd"


def test_headers_of_an_allow_overwrite_every_spoofed_copy() -> None:
    """The first of a name with append false, the others appended to it."""
    pairs = (("x-a", "1"), ("X-A", "2"), ("x-b", "3"), ("x-a", "4"))
    allowed = check_response(Outcome(Kind.ALLOW, Forward(Mutations(headers=pairs)))).ok_response
    assert shown(allowed.headers) == [  # type: ignore[arg-type]
        ("x-a", "1", False),
        ("X-A", "2", True),
        ("x-b", "3", False),
        ("x-a", "4", True),
    ]
    assert all(option.HasField("append") for option in allowed.headers)


def test_the_other_changes_of_an_allow() -> None:
    """Removals, headers on the way back (added to the upstream's), and the query percent-encoded."""
    mutations = Mutations(
        remove_headers=("x-c",),
        response_headers=(("x-d", "1"), ("x-d", "2")),
        set_query=(("a b", "c&d=e \r\n\u00e9"),),
        remove_query=("f",),
    )
    allowed = check_response(Outcome(Kind.ALLOW, Forward(mutations))).ok_response
    assert list(allowed.headers_to_remove) == ["x-c"]
    assert shown(allowed.response_headers_to_add) == [("x-d", "1", True), ("x-d", "2", True)]  # type: ignore[arg-type]
    (pair,) = allowed.query_parameters_to_set
    assert (pair.key, pair.value) == ("a%20b", "c%26d=e%20%0D%0A%C3%A9")
    assert (unquote(pair.key), unquote(pair.value)) == mutations.set_query[0]
    assert list(allowed.query_parameters_to_remove) == ["f"]


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ("a%20b", "a%20b"),
        ("100%", "100%25"),
        ("%zz", "%25zz"),
        ("a+b/c?d", "a+b/c?d"),
        ("#x", "%23x"),
        ("a&b", "a%26b"),
    ],
)
def test_what_a_policy_has_encoded_stays_as_it_is(given: str, sent: str) -> None:
    """The plugin passes values on, so that its policies encode them; what would end the value never gets through."""
    allowed = check_response(Outcome(Kind.ALLOW, Forward(Mutations(set_query=(("q=r", given),))))).ok_response
    (pair,) = allowed.query_parameters_to_set
    assert (pair.key, pair.value) == ("q%3Dr", sent)


@pytest.mark.parametrize("answer", [Forward(), Respond(403)])
def test_every_answer_says_in_metadata_what_became_of_it(answer: Forward | Respond) -> None:
    """The policy's own keys too, but it can't speak for us."""
    said = {"decision": "forged", "ticket_id": "forged", "list": [1, None, {"a": True}]}
    outcome = Outcome(Kind.HOLD, answer, "d-1", "0-abc", "a-rule", metadata=said)
    assert MessageToDict(check_response(outcome).dynamic_metadata) == {
        "decision": "hold",
        "decision_id": "d-1",
        "ticket_id": "0-abc",
        "rule": "a-rule",
        "list": [1.0, None, {"a": True}],
    }
    assert MessageToDict(check_response(Outcome(Kind.DENY, answer)).dynamic_metadata) == {"decision": "deny"}


@pytest.mark.parametrize("answer", [None, True, "forward", CheckResponse()])
def test_what_is_neither_answer_makes_no_response(answer: object) -> None:
    """Passed over, it would leave the empty response that is an allow."""
    with pytest.raises(AssertionError):
        check_response(Outcome(Kind.ALLOW, answer))  # type: ignore[arg-type]
