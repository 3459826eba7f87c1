"""Pages on other origins: browsers let them use the gate, and read what a hold says, where the settings name them."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import grpc
import pytest
from playwright.sync_api import sync_playwright

from authz.wire import ext_authz_pb2 as wire
from tests.e2e.envoy_config import http1
from tests.e2e.envoy_config.check_server import deny
from tests.e2e.envoy_config.stack import Document, Gate, Stack, manager
from tests.e2e.envoy_config.test_verified_callers import Issuer, bearer, provider

PAGE = "https://app.test"
ORIGIN = ("origin", PAGE.encode())
ASKS = (
    ("access-control-request-method", b"DELETE"),
    ("access-control-request-headers", b"x-approval-ticket,prefer"),
)
HELD = {
    "x-approval-ticket": "hg1.a",
    "retry-after": "5",
    "link": '</.holdgate/tickets/abc>; rel="status"',
    "preference-applied": "wait=5",
    "x-approval-id": "abc",
}


def holds(_check: wire.CheckRequest, _context: grpc.ServicerContext) -> wire.CheckResponse:
    return deny(202, {**HELD, "content-type": "application/json"}, '{"state":"pending"}')


def fails(_check: wire.CheckRequest, context: grpc.ServicerContext) -> wire.CheckResponse:
    context.abort(grpc.StatusCode.UNAVAILABLE, "down")
    raise AssertionError("abort raises")


def asked_after_the_check(document: Document) -> None:
    filters = manager(document)["http_filters"]
    filters.insert(-1, filters.pop(0))


@pytest.fixture(scope="module")
def shared_open_gate(shared_stack: Stack) -> Iterator[Gate]:
    with shared_stack.gate(cors_origins=("https://other.test", PAGE)) as gate:
        yield gate


@pytest.fixture
def open_gate(stack: Stack, shared_open_gate: Gate) -> Gate:
    assert not stack.upstream.received
    return shared_open_gate


def listed(message: http1.Message, name: str) -> set[str]:
    """Return the items of a header with a list."""
    return {item.strip() for value in message.values(name) for item in value.decode().split(",")}


@pytest.mark.parametrize("path", ["/", "/.holdgate/tickets/abc"])
def test_a_preflight_of_a_named_origin_is_answered_without_a_check(
    path: str, stack: Stack, open_gate: Gate
) -> None:
    answer = http1.send(open_gate.port, path, ORIGIN, *ASKS, method="OPTIONS")
    assert answer.status == 200
    assert answer.values("access-control-allow-origin") == [PAGE.encode()]
    assert answer.values("access-control-allow-credentials") == [b"true"]
    assert {"GET", "POST", "PUT", "PATCH", "DELETE"} <= listed(answer, "access-control-allow-methods")
    assert listed(answer, "access-control-allow-headers") == {
        *("authorization", "content-type", "prefer", "x-approval-ticket", "x-approval-justification")
    }
    assert answer.values("access-control-max-age") == [b"600"]
    assert not [*stack.check.checks, *stack.upstream.received, *stack.console.received]


@pytest.mark.parametrize(
    "origin",
    [
        b"https://app.test.evil",
        b"https://evil-app.test",
        b"http://app.test",
        b"https://app.test:8443",
        b"null",
    ],
)
def test_any_other_preflight_is_checked_like_every_request(
    origin: bytes, stack: Stack, open_gate: Gate
) -> None:
    stack.check.answer = holds
    answer = http1.send(open_gate.port, "/", ("origin", origin), *ASKS, method="OPTIONS")
    assert answer.status == 202
    assert not any(name.startswith("access-control-") for name in answer.names())
    assert stack.check.http.method == "OPTIONS"
    assert not stack.upstream.received


def test_an_options_request_that_is_no_preflight_is_checked(stack: Stack, open_gate: Gate) -> None:
    http1.send(open_gate.port, "/", ORIGIN, method="OPTIONS")
    assert stack.check.http.method == "OPTIONS"


@pytest.mark.parametrize("wish", [(), (("prefer", b"wait=5"),)], ids=["plain", "waiting"])
def test_a_hold_can_be_read_by_the_page(
    wish: tuple[tuple[str, bytes], ...], stack: Stack, open_gate: Gate
) -> None:
    stack.check.answer = holds
    answer = http1.send(open_gate.port, "/", ORIGIN, *wish, method="DELETE")
    assert (answer.status, answer.body) == (202, b'{"state":"pending"}')
    assert answer.values("access-control-allow-origin") == [PAGE.encode()]
    assert answer.values("access-control-allow-credentials") == [b"true"]
    assert HELD.keys() <= listed(answer, "access-control-expose-headers") & answer.names()


@pytest.mark.parametrize("origin", [b"https://app.test.evil", b"null", None])
def test_a_hold_says_nothing_about_pages_to_others(
    origin: bytes | None, stack: Stack, open_gate: Gate
) -> None:
    stack.check.answer = holds
    headers = [] if origin is None else [("origin", origin)]
    answer = http1.send(open_gate.port, "/", *headers, method="DELETE")
    assert answer.status == 202
    assert not any(name.startswith("access-control-") for name in answer.names())


def test_without_named_origins_no_page_is_let_in(stack: Stack, gate: Gate) -> None:
    stack.check.answer = holds
    assert http1.send(gate.port, "/", ORIGIN, *ASKS, method="OPTIONS").status == 202
    assert "access-control-allow-origin" not in http1.send(gate.port, "/", ORIGIN).names()


def test_an_outage_can_be_told_from_a_foreign_page(stack: Stack, open_gate: Gate) -> None:
    """Otherwise a page sees every 503 as a network error."""
    stack.check.answer = fails
    answer = http1.send(open_gate.port, "/", ORIGIN)
    assert (answer.status, answer.values("access-control-allow-origin")) == (503, [PAGE.encode()])


def test_the_status_of_a_ticket_and_the_upstreams_answers_can_be_read_as_well(
    stack: Stack, open_gate: Gate
) -> None:
    for path in ("/", "/.holdgate/tickets/abc"):
        answer = http1.send(open_gate.port, path, ORIGIN)
        assert answer.values("access-control-allow-origin") == [PAGE.encode()]
    assert len(stack.console.received) == len(stack.upstream.received) == 1


def test_a_token_is_judged_after_the_preflight_which_never_has_one(stack: Stack) -> None:
    with stack.gate(jwt=provider(Issuer()), cors_origins=(PAGE,)) as gate:
        assert http1.send(gate.port, "/", ORIGIN, *ASKS, method="OPTIONS").status == 200
        refused = http1.send(gate.port, "/", ORIGIN, bearer("rubbish"))
    assert (refused.status, refused.values("access-control-allow-origin")) == (401, [PAGE.encode()])
    assert not stack.check.checks


def test_control_behind_the_check_no_preflight_passes_and_no_hold_can_be_read(stack: Stack) -> None:
    stack.check.answer = holds
    with stack.gate(asked_after_the_check, cors_origins=(PAGE,)) as gate:
        assert http1.send(gate.port, "/", ORIGIN, *ASKS, method="OPTIONS").status == 202
        assert "access-control-allow-origin" not in http1.send(gate.port, "/", ORIGIN).names()


READ_HOLD = """
async url => {
    const headers = {"x-approval-justification": "spring cleaning", "prefer": "wait=5"};
    const held = await fetch(url, {method: "DELETE", headers, credentials: "include"});
    const seen = Object.fromEntries([...held.headers].filter(([name]) => name !== "date"));
    return {status: held.status, state: (await held.json()).state, seen};
}
"""


@pytest.mark.chromium
@pytest.mark.parametrize("let_in", [True, False], ids=["named", "control: another origin is"])
def test_a_real_browser_lets_a_page_on_another_origin_read_the_hold(let_in: bool, stack: Stack) -> None:
    stack.check.answer = holds
    binary = shutil.which("chromium")
    assert binary, "install the Debian package chromium"
    with http1.recording() as site:
        site.answer = b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 4\r\n\r\npage"
        origin = f"http://127.0.0.1:{site.port}"
        with (
            stack.gate(cors_origins=(origin if let_in else PAGE,)) as gate,
            sync_playwright() as playwright,
            playwright.chromium.launch(executable_path=binary, args=["--no-sandbox"]) as browser,
        ):
            page = browser.new_page()
            page.goto(origin)
            url = f"http://127.0.0.1:{gate.port}/things/1"
            found = page.evaluate(f"url => ({READ_HOLD})(url).catch(error => error.name)", url)
    if not let_in:
        assert found == "TypeError"
        return
    assert (found["status"], found["state"]) == (202, "pending")
    assert HELD.items() <= found["seen"].items()
    assert [check.attributes.request.http.method for check in stack.check.checks] == ["DELETE"]
