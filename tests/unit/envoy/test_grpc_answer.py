from __future__ import annotations

from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from authz.adapters.envoy import grpc_answer
from authz.adapters.envoy.check_response import check_response
from authz.adapters.envoy.grpc_answer import DETAILS_MAX, from_grpc
from authz.domain.answer import Forward, Kind, ProblemDetails, Respond
from authz.domain.problems import Problem
from authz.services.check.call import Outcome
from authz.services.check.responses import problem
from authz.wire.ext_authz_pb2 import CheckRequest, CheckResponse
from tests.support.grpc_details import Details, decoded, details

REFUSALS = [Kind.HOLD, Kind.REFUSE, Kind.ERROR]
RETRY_AFTER = ("retry-after", "5")
TOKEN = "hg1.test.0-abc.secret"


def check(*content_types: bytes, raw: bool = True) -> CheckRequest:
    request = CheckRequest()
    http = request.attributes.request.http
    if raw:
        http.header_map.headers.add(key="x-before", raw_value=b"application/grpc")
        for value in content_types:
            http.header_map.headers.add(key="content-type", raw_value=value)
    elif content_types:
        http.headers["content-type"] = b",".join(content_types).decode()
    return request


def headers(response: CheckResponse) -> dict[str, str]:
    found = response.denied_response.headers
    assert not any(option.append.value for option in found)
    return {option.header.key: option.header.value for option in found}


def for_grpc(answer: Respond) -> Respond:
    assert answer.details is not None
    return grpc_answer.for_grpc(answer, answer.details)


def said(answer: Respond) -> Details:
    return details(decoded(dict(answer.headers)["grpc-status-details-bin"]))


def told(members: dict[str, object], *more: tuple[str, str]) -> Respond:
    body = {"detail": Problem.HELD.value.detail, **members}
    return for_grpc(Respond(202, (RETRY_AFTER, *more), b"{}", ProblemDetails(Problem.HELD, body)))


@pytest.mark.parametrize("raw", [True, False])
@pytest.mark.parametrize(
    ("content_types", "grpc"),
    [
        ([b"application/grpc"], True),
        ([b"application/grpc+proto"], True),
        ([b"application/grpc+json; charset=utf-8"], True),
        ([b"application/grpc;charset=utf-8"], False),
        ([b"Application/gRPC"], False),
        ([b"application/grpc-web"], False),
        ([b"application/grpc-web-text+proto"], False),
        ([b"application/grpcx"], False),
        ([b"application/json"], False),
        ([b"application/grpc", b"application/grpc"], False),
        ([b""], False),
        ([], False),
    ],
)
def test_a_grpc_caller_is_whom_envoy_takes_for_one(content_types: list[bytes], grpc: bool, raw: bool) -> None:
    assert from_grpc(check(*content_types, raw=raw)) is grpc


def test_a_content_type_outside_utf8_is_nobodys() -> None:
    assert not from_grpc(check(b"application/grpc\xff"))


@pytest.mark.parametrize("kind", REFUSALS)
@pytest.mark.parametrize("each", Problem)
def test_each_problem_has_its_status_reason_and_sentence(each: Problem, kind: Kind) -> None:
    response = check_response(Outcome(kind, problem(each)), check(b"application/grpc"))
    found, what = headers(response), each.value
    assert response.status.code != 0
    assert int(response.denied_response.status.code) == 200
    assert not response.denied_response.body
    assert found["content-type"] == "application/grpc"
    assert found["grpc-status"] == str(what.grpc_status.value)
    assert unquote(found["grpc-message"]) == what.detail
    rich = said(for_grpc(problem(each)))
    assert (rich.code, rich.message) == (what.grpc_status.value, what.detail)
    assert (rich.reason, rich.domain) == (what.reason, "holdgate")


@pytest.mark.parametrize("kind", Kind)
def test_the_policys_own_denial_stays_as_it_is(kind: Kind) -> None:
    answer = Respond(451, (("content-type", "text/plain"), ("x-why", "freeze")), b"frozen")
    outcome = Outcome(kind, answer)
    assert check_response(outcome, check(b"application/grpc")) == check_response(outcome, check())


def test_what_is_let_through_stays_as_it_is() -> None:
    outcome = Outcome(Kind.ALLOW, Forward())
    assert check_response(outcome, check(b"application/grpc")) == check_response(outcome, check())


def test_who_speaks_http_is_answered_in_http() -> None:
    response = check_response(Outcome(Kind.REFUSE, problem(Problem.REFUSED)), check(b"application/json"))
    assert int(response.denied_response.status.code) == 403
    assert headers(response)["content-type"] == "application/problem+json"
    assert "grpc-status" not in headers(response)


def test_headers_become_metadata() -> None:
    answer = told({}, ("x-approval-ticket", TOKEN), ("content-type", "application/json"), ("link", "</a>"))
    found = dict(answer.headers)
    assert (found["x-approval-ticket"], found["retry-after"], found["link"]) == (TOKEN, "5", "</a>")
    assert [value for name, value in answer.headers if name == "content-type"] == ["application/grpc"]


@pytest.mark.parametrize("seconds", [0, 5, 60])
def test_when_to_ask_again_is_told_in_retry_info(seconds: int) -> None:
    answer = for_grpc(problem(Problem.TOO_MANY_TICKETS, retry_after_s=seconds))
    assert said(answer).retry_after == seconds


def test_where_asking_again_changes_nothing_there_is_no_retry_info() -> None:
    assert said(for_grpc(problem(Problem.REJECTED))).retry_after is None


def test_members_become_text_and_the_token_is_not_among_them() -> None:
    answer = told(
        {
            "id": "0-abc",
            "token": TOKEN,
            "type": "urn:a",
            "title": "a",
            "status": 202,
            "reason": "deletes a cluster",
            "retry_after": 5,
            "progress": {"given": 0, "needed": 2, "awaiting": ["sre", "a, b"]},
            "links": {"status": "/a", "review": "https://b"},
            "changed": ["path", "header:x-a"],
        }
    )
    assert said(answer).metadata == {
        "id": "0-abc",
        "reason": "deletes a cluster",
        "progress_given": "0",
        "progress_needed": "2",
        "progress_awaiting": '["sre","a, b"]',
        "links_status": "/a",
        "links_review": "https://b",
        "changed": '["path","header:x-a"]',
    }


def test_the_message_takes_whatever_characters_it_has() -> None:
    sentence = "100 % \u2013 no\r\nway; it's \u00e9 <~>"
    answer = for_grpc(problem(Problem.BAD_REQUEST, {"detail": sentence}))
    message = dict(answer.headers)["grpc-message"]
    assert unquote(message) == sentence
    assert message.isascii()
    assert message.isprintable()
    assert message.endswith(" <~>")


def test_the_longest_is_left_out_where_there_is_no_room_for_all() -> None:
    answer = told({"id": "0-abc", "reason": "a" * 2000, "comment": "b" * 2001, "rule": "c"})
    assert said(answer).metadata == {"id": "0-abc", "reason": "a" * 2000, "rule": "c"}


members = st.dictionaries(
    st.text("abcdefghijklmnopqrstuvwxyz_", min_size=2, max_size=20),
    st.text(max_size=3000) | st.lists(st.text(max_size=200), max_size=40) | st.integers(0, 2**53),
    max_size=40,
)


@given(members, st.sampled_from(Problem))
def test_details_are_never_longer_than_their_bound(more: dict[str, Any], each: Problem) -> None:
    more.pop("detail", None)
    answer = for_grpc(problem(each, more, retry_after_s=86_400))
    assert len(dict(answer.headers)["grpc-status-details-bin"]) <= DETAILS_MAX
    assert said(answer).metadata.keys() <= more.keys()


def test_control_without_leaving_anything_out_they_would_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grpc_answer, "_fitting", lambda found, _room: found)
    answer = told({"reason": "a" * 4000})
    assert len(dict(answer.headers)["grpc-status-details-bin"]) > DETAILS_MAX


@pytest.mark.parametrize("size", range(2700, 2900))
def test_what_fits_is_kept_to_the_last_bytes(size: int) -> None:
    """Nothing is left out that a full header would have had room for, but for what the lengths may take."""
    answer = told({"reason": "a" * size})
    length = len(dict(answer.headers)["grpc-status-details-bin"])
    kept = "reason" in said(answer).metadata
    assert length <= DETAILS_MAX
    assert kept or length + (size + 40) * 4 // 3 > DETAILS_MAX
