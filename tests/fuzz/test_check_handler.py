"""Whatever Envoy may send: an answer, no uncaught error, and no allow that the policy didn't give.

HOLDGATE_FUZZ_EXAMPLES makes it look longer than a test run may.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal

import pytest
from google.protobuf.message import DecodeError
from google.rpc.code_pb2 import OK
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from authz.adapters.telemetry.metrics import Metrics
from authz.domain.answer import Forward, Kind
from authz.entrypoints.check import handler as module
from authz.entrypoints.check.handler import CheckHandler
from authz.services.check.call import CheckCall, Outcome
from authz.wire.ext_authz_pb2 import CheckRequest, CheckResponse
from tests.support.check_requests import check_request
from tests.support.gated_requests import NAMESPACE
from tests.unit.check.world import HOLD, World

EXAMPLES = int(os.environ.get("HOLDGATE_FUZZ_EXAMPLES", "300"))
FUZZ = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow])

texts = st.text(st.characters(codec="utf-8"), max_size=12)
names = texts | st.sampled_from(
    [
        *(
            "content-type",
            "content-length",
            "x-approval-ticket",
            "x_approval_by",
            "upgrade",
            "traceparent",
            ":path",
        ),
        *("x-envoy-auth-partial-body", "x-tenant", "Host", ""),
    ]
)
values = st.binary(max_size=20) | st.sampled_from(
    [
        b"application/json",
        b"application/grpc",
        b"multipart/form-data; boundary=x",
        b"application/x-www-form-urlencoded",
        b"true",
        b"5",
    ]
)
targets = st.one_of(
    texts,
    texts.map("/".__add__),
    st.sampled_from(["/", "/?", "//", "/%2F", "/%", "/a;b?c;d", "*", "/?a=%zz", "http://x/y"]),
)
bodies = st.binary(max_size=60) | st.sampled_from(
    [b"{}", b"[1", b"--x\r\n\r\n\r\n--x--", b"a=b&c", b"[" * 60]
)
numbers = st.floats() | st.integers(-(2**62), 2**62).map(float)
claims = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)


class Silence:
    """Stands in for the log: thousands of records would only hide a failure."""

    def __getattr__(self, level: str) -> Callable[..., None]:
        return lambda _event, **_fields: None


@pytest.fixture(autouse=True, scope="module")
def _silent() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "log", Silence())
        yield


class Context:
    """A call that has time."""

    def time_remaining(self) -> float | None:
        return 5.0


@st.composite
def checks(draw: st.DrawFn) -> CheckRequest:
    """Return a CheckRequest of the right shape with anything in it."""
    check = CheckRequest()
    http = check.attributes.request.http
    http.method = draw(st.sampled_from(["GET", "DELETE", "CONNECT", "", "\u00e9"]))
    http.path, http.host, http.scheme, http.id = draw(targets), draw(texts), draw(texts), draw(texts)
    if draw(st.booleans()):
        http.raw_body = draw(bodies)
    else:
        http.body = draw(texts)
    lines = draw(st.lists(st.tuples(names, values), max_size=6))
    if draw(st.booleans()):
        for name, value in lines:
            http.header_map.headers.add(key=name, raw_value=value)
    else:
        http.headers.update({name: value.decode("utf-8", "replace") for name, value in lines})
    check.attributes.request.time.seconds = draw(st.integers(0, 2**40))
    check.attributes.source.principal = draw(texts)
    check.attributes.context_extensions.update(
        draw(st.dictionaries(texts | st.just("holdgate_body_limit"), texts | st.just("10"), max_size=2))
    )
    metadata = check.attributes.metadata_context.filter_metadata
    metadata[draw(texts | st.just(NAMESPACE))].update(
        draw(st.fixed_dictionaries({"jwt": claims}) | st.dictionaries(texts, claims, max_size=2))
    )
    return check


results = st.sampled_from(
    [True, False, HOLD, None, {"allowed": True, "headers": {"x-a": "1"}}, {"allowed": "yes"}]
)


def judge(world: World, check: CheckRequest) -> CheckResponse:
    """Send one check through handler and service."""
    handler = CheckHandler(world.service().check, Metrics(), body_limit=50, timeout=5)
    return asyncio.run(handler.Check(check, Context()))


@given(check=checks(), result=results)
@FUZZ
@example(check=check_request(), result=True)
@example(check=CheckRequest(), result=True)
def test_every_check_is_answered_and_only_an_allow_allows(check: CheckRequest, result: object) -> None:
    """With a policy that says yes, no, hold, or nonsense."""
    verify(check, result=result)


def verify(check: CheckRequest, *, result: object) -> None:
    """Judge one check under a policy that says `result`, and look at the answer."""
    world = World()
    world.policy.result = result
    response = judge(world, check)
    allowed = result is True or (isinstance(result, dict) and result.get("allowed") is True)
    asked = bool(world.policy.asked)
    if response.status.code == OK:
        assert response.WhichOneof("http_response") == "ok_response"
        assert allowed
        assert asked
    else:
        assert response.WhichOneof("http_response") == "denied_response"
        headers = {option.header.key: option.header.value for option in response.denied_response.headers}
        # A gRPC caller's refusal is in its status.
        least = 200 if int(headers.get("grpc-status", "0")) else 201
        assert least <= int(response.denied_response.status.code) < 600


@given(check=checks())
@FUZZ
def test_no_ticket_that_somebody_makes_up_is_redeemed(check: CheckRequest) -> None:
    """Even where the store would give a use to anything, a policy that holds lets nothing through."""
    world = World()
    world.policy.result = HOLD
    assert judge(world, check).status.code != OK


@given(data=st.binary(max_size=400))
@FUZZ
@example(data=b"")
@example(data=check_request().SerializeToString())
def test_bytes_off_the_wire_are_a_message_or_none(data: bytes) -> None:
    """What the parser takes is answered; what it doesn't never reaches the handler."""
    try:
        check = CheckRequest.FromString(data)
    except DecodeError:
        return
    world = World()
    world.policy.result = False
    assert judge(world, check).status.code != OK


@given(cut=st.integers(0, 300), position=st.integers(0, 300), byte=st.integers(0, 255))
@FUZZ
def test_a_damaged_message_lets_nothing_through(cut: int, position: int, byte: int) -> None:
    """A real one, cut off or with one byte changed, under a policy that allows nothing."""
    whole = bytearray(check_request(("x-tenant", b"blue")).SerializeToString())
    whole[position % len(whole)] = byte
    for data in (bytes(whole), bytes(whole[: cut % len(whole)])):
        try:
            check = CheckRequest.FromString(data)
        except DecodeError:
            continue
        world = World()
        world.policy.result = False
        assert judge(world, check).status.code != OK


@pytest.mark.parametrize("missing", ["method", "path"])
def test_what_is_no_http_request_is_never_held(missing: Literal["method", "path"]) -> None:
    """A ticket for a connection could be met by no request."""
    world = World()
    check = check_request()
    check.attributes.request.http.ClearField(missing)
    assert judge(world, check).status.code != OK
    assert world.memory.tickets == {}


def test_the_fuzz_would_see_an_allow_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    """Control: a boundary that answers errors with an allow is caught by the first bad request."""

    def failing_open(_self: object, _error: Exception) -> Outcome:
        return Outcome(Kind.ALLOW, Forward())

    monkeypatch.setattr(module.CheckHandler, "_failed", failing_open)
    with pytest.raises(AssertionError):
        verify(check_request(path="/%zz"), result=False)


def test_the_fuzz_reaches_the_policy() -> None:
    """It isn't true because everything is refused before anybody is asked."""
    seen: list[Mapping[str, Any]] = []

    async def keep(call: CheckCall) -> Outcome:
        seen.append(call.document)
        return Outcome(Kind.ALLOW, Forward())

    @given(check=checks())
    @settings(max_examples=50, deadline=None, database=None)
    def look(check: CheckRequest) -> None:
        asyncio.run(CheckHandler(keep, Metrics(), body_limit=50, timeout=5).Check(check, Context()))

    look()
    assert len(seen) > 10
