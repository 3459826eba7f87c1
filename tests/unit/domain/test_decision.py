from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from authz.domain.decision import Allow, Decision, Deny, Hold, read_decision
from authz.domain.errors import PolicyMalformed
from authz.domain.header_mutation import Mutations
from authz.domain.identity import Identity, Principal

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
KEYS = [
    *("headers", "response_headers_to_add", "request_headers_to_remove", "query_parameters_to_set"),
    *("query_parameters_to_remove", "body", "http_status", "dynamic_metadata", "requester"),
]


def malformed(result: object) -> str:
    with pytest.raises(PolicyMalformed) as error:
        read_decision(result)
    assert len(str(error.value)) < 400
    return str(error.value)


@pytest.mark.parametrize(
    ("result", "decision"),
    [
        (True, Decision(Allow())),
        (False, Decision(Deny())),
        ({"allowed": True}, Decision(Allow())),
        ({"allowed": False}, Decision(Deny())),
        (
            {
                "allowed": True,
                "headers": {"X-A": "1", "x-b": ["2", "3"]},
                "response_headers_to_add": [{"x-c": "4"}, {"x-c": "5"}],
                "request_headers_to_remove": ["x-d"],
                "query_parameters_to_set": {"q": "a b"},
                "query_parameters_to_remove": ["r"],
                "dynamic_metadata": {"who": "alice"},
                "body": 7,
                "http_status": "counts on a denial only",
            },
            Decision(
                Allow(
                    Mutations(
                        headers=(("X-A", "1"), ("x-b", "2"), ("x-b", "3")),
                        remove_headers=("x-d",),
                        response_headers=(("x-c", "4"), ("x-c", "5")),
                        set_query=(("q", "a b"),),
                        remove_query=("r",),
                    )
                ),
                dynamic_metadata={"who": "alice"},
            ),
        ),
        (
            {
                "allowed": False,
                "headers": {"www-authenticate": "Bearer", "set-cookie": ["a=1", "b=2"]},
                "http_status": 401,
                "body": "who are you?",
                "request_headers_to_remove": "counts on an allow only",
            },
            Decision(
                Deny(
                    401,
                    (("www-authenticate", "Bearer"), ("set-cookie", "a=1"), ("set-cookie", "b=2")),
                    "who are you?",
                )
            ),
        ),
        ({"allowed": False, "approval": {"rule": "r"}}, Decision(Hold({"rule": "r"}))),
        ({"allowed": False, "approval": None}, Decision(Hold(None))),
        ({"allowed": False, "approval": [], "http_status": 428}, Decision(Hold([], 428))),
        (
            {"allowed": False, "requester": {"ns": "i", "id": "a", "name": "alice", "more": 1}},
            Decision(Deny(), Principal(Identity("i", "a"), "alice")),
        ),
    ],
)
def test_a_result_document_is_read_as_the_plugin_reads_it(result: object, decision: Decision) -> None:
    """A boolean or an object; with `approval` beside a denial it is a hold; other keys are passed over."""
    assert read_decision(result) == decision


@pytest.mark.parametrize("result", [None, 1, 0, 1.0, "true", [], [True], {}, {"allow": True}])
def test_what_says_neither_yes_nor_no_is_an_error(result: object) -> None:
    """1 is not true, and nothing is not no."""
    assert "true" in malformed(result)


@pytest.mark.parametrize("allowed", [None, 1, "true", [], {}])
def test_allowed_is_a_boolean(allowed: object) -> None:
    """Truthy is not true."""
    assert malformed({"allowed": allowed}).startswith("allowed: ")


@pytest.mark.parametrize("demand", [{"rule": "r"}, {}, None, False, []])
def test_an_allow_beside_a_demand_contradicts_itself(demand: object) -> None:
    """Whichever of the two was meant, it isn't an allow."""
    assert "contradicts" in malformed({"allowed": True, "approval": demand})


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("headers", None),
        ("headers", "x-a: 1"),
        ("headers", ["x-a"]),
        ("headers", {"x-a": 1}),
        ("headers", {"x-a": None}),
        ("headers", {"x-a": {"b": "c"}}),
        ("headers", {"x-a": ["1", 2]}),
        ("response_headers_to_add", {"x-a": 1}),
        ("response_headers_to_add", "x"),
        ("request_headers_to_remove", "x-a"),
        ("request_headers_to_remove", {"x-a": "1"}),
        ("request_headers_to_remove", [1]),
        ("query_parameters_to_set", "a=b"),
        ("query_parameters_to_set", {"a": 1}),
        ("query_parameters_to_set", [{"a": "1"}]),
        ("query_parameters_to_remove", "a"),
        ("query_parameters_to_remove", [None]),
        ("dynamic_metadata", []),
        ("dynamic_metadata", "x"),
        ("requester", None),
        ("requester", "alice"),
        ("requester", {"ns": "i"}),
        ("requester", {"ns": "i", "id": ""}),
        ("requester", {"ns": 1, "id": "a"}),
        ("requester", {"ns": "i", "id": "a", "name": None}),
        ("requester", {"ns": "i", "id": "a" * 513}),
    ],
)
def test_a_wrong_type_is_an_error_that_names_its_key(key: str, value: object) -> None:
    """An allow with half of its changes is another allow than was given."""
    assert malformed({"allowed": True, key: value}).startswith(key)


@pytest.mark.parametrize(
    ("key", "value"), [("body", 1), ("body", None), ("body", {"a": 1}), ("headers", {"a": 1})]
)
def test_a_denial_has_its_own_keys(key: str, value: object) -> None:
    """`body` counts here, as the headers for the client do."""
    assert malformed({"allowed": False, key: value}).startswith(key)


@pytest.mark.parametrize("status", [200, 204, 302, 401, 403, 429, 451, 503, 599])
def test_a_denial_may_have_any_final_status(status: int) -> None:
    """Also one that has no name."""
    verdict = read_decision({"allowed": False, "http_status": status}).verdict
    assert isinstance(verdict, Deny)
    assert verdict.status == status


@pytest.mark.parametrize(
    "status",
    [0, 100, 101, 199, 600, 999, -1, 403.0, 403.5, True, None, "403", [403], 1e300, 10**30, float("inf")],
)
def test_another_status_is_an_error(status: object) -> None:
    """Envoy passes even 100 on (measured)."""
    assert "http_status" in malformed({"allowed": False, "http_status": status})


@pytest.mark.parametrize("status", [202, 403, 428, 503])
def test_a_hold_may_say_its_status(status: int) -> None:
    """For clients that take any 2xx for success."""
    assert read_decision({"allowed": False, "approval": {}, "http_status": status}).verdict == Hold(
        {}, status
    )


@pytest.mark.parametrize("status", [200, 201, 204, 302, 401, 409, 429, 500, "202", True])
def test_a_hold_with_another_status_is_an_error(status: object) -> None:
    """A 200 would look like the upstream's own success."""
    assert "http_status" in malformed({"allowed": False, "approval": {}, "http_status": status})


BREAKS = [*map(chr, range(9)), *map(chr, range(10, 32)), "\x7f", "\ud800", "\udcff"]


@pytest.mark.parametrize("text", BREAKS)
@pytest.mark.parametrize("allowed", [True, False])
def test_a_header_value_that_could_split_a_message_is_an_error(text: str, *, allowed: bool) -> None:
    """CR and LF reach the wire through Envoy (measured), and so would what stands behind them."""
    split = f"a{text}set-cookie: admin=1"
    assert malformed({"allowed": allowed, "headers": {"x-a": split}}).startswith("headers: 'x-a'")
    if allowed:
        assert "x-a" in malformed({"allowed": True, "response_headers_to_add": {"x-a": ["fine", split]}})


@pytest.mark.parametrize(
    "name", ["", " ", "x a", "x:a", "x\r\na", "x\na", "x\x00", "\u00e9", "x" * 257, "x\udcff", '"', "(", "@"]
)
@pytest.mark.parametrize("allowed", [True, False])
def test_a_header_name_is_a_token(name: str, *, allowed: bool) -> None:
    """RFC 9110 section 5.1."""
    assert "RFC 9110" in malformed({"allowed": allowed, "headers": {name: "1"}})


def test_values_that_are_no_danger_are_passed_on() -> None:
    """Tabs, other scripts, an empty one."""
    decision = read_decision({"allowed": False, "headers": {"x-a": ["a\tb", "\u00e9\u65e5", ""]}})
    assert decision.verdict == Deny(headers=(("x-a", "a\tb"), ("x-a", "\u00e9\u65e5"), ("x-a", "")))


def test_pseudo_headers_can_be_set_on_the_way_up_only() -> None:
    """`:status` on the way back would undo the bounds on http_status."""
    rerouted = read_decision({"allowed": True, "headers": {":path": "/b"}})
    assert rerouted.verdict == Allow(Mutations(headers=((":path", "/b"),)))
    assert "':status'" in malformed({"allowed": False, "headers": {":status": "100"}})
    assert "':status'" in malformed({"allowed": True, "response_headers_to_add": {":status": "100"}})
    assert "':PATH'" in malformed({"allowed": True, "headers": {":PATH": "/b"}})


def test_an_error_does_not_repeat_header_values() -> None:
    """A policy may pass on what a client sent, and the error goes to the log."""
    told = malformed({"allowed": True, "headers": {"authorization": ["Bearer secret", 1]}})
    assert "authorization" in told
    assert "secret" not in told
    assert "secret" not in malformed({"allowed": True, "headers": {"authorization": "secret\n"}})


def test_a_long_name_of_a_requester_is_cut() -> None:
    """It is only for showing."""
    named = read_decision(
        {"allowed": False, "requester": {"ns": "i", "id": "a", "name": "n" * 9999}}
    ).requester
    assert named == Principal(Identity("i", "a"), "n" * 512)


@given(json_values, st.dictionaries(st.sampled_from([*KEYS, "approval", "allowed"]), json_values, max_size=4))
def test_whatever_the_policy_says_only_a_true_is_an_allow(value: Any, keys: dict[str, Any]) -> None:  # noqa: ANN401 - any JSON
    """The reader returns one of three or raises one error, and an allow has `true` and no demand behind it."""
    for result in (value, keys, {**keys, "allowed": True}, {**keys, "allowed": False}):
        try:
            decision = read_decision(result)
        except PolicyMalformed:
            continue
        if isinstance(decision.verdict, Allow):
            assert result is True or (result["allowed"] is True and "approval" not in result)
