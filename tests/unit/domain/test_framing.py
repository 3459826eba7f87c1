from __future__ import annotations

import pytest

from authz.domain.decision import Deny
from authz.domain.errors import PolicyMalformed
from authz.domain.framing import refuse_content, refuse_reframing
from authz.domain.header_mutation import Mutations

FRAMING = ["content-length", "Content-Length", "transfer-encoding", "connection", "upgrade", "keep-alive"]


@pytest.mark.parametrize("name", FRAMING)
@pytest.mark.parametrize("where", ["headers", "remove_headers", "response_headers"])
def test_a_policy_leaves_the_framing_of_messages_alone(name: str, where: str) -> None:
    """In every place where it could name such a header."""
    change = (name,) if where == "remove_headers" else ((name, "3"),)
    with pytest.raises(PolicyMalformed, match=name):
        refuse_reframing(Mutations(**{where: change}))  # type: ignore[arg-type] # one of three fields


@pytest.mark.parametrize(
    ("name", "value"),
    [
        (":method", ""),
        (":method", "GET /other"),
        (":path", ""),
        (":path", "other"),
        (":path", "/a b"),
        (":path", "/a#b"),
        (":path", "/é"),
        (":authority", ""),
        (":authority", "a b"),
        (":authority", "user@host"),
        ("host", "host/path"),
        (":scheme", "file"),
        (":protocol", "websocket"),
        (":status", "200"),
    ],
)
def test_a_request_line_stays_one(name: str, value: str) -> None:
    """Envoy writes what it is told, an empty method too (measured)."""
    with pytest.raises(PolicyMalformed, match=name):
        refuse_reframing(Mutations(headers=((name, value),)))


def test_a_request_has_one_target() -> None:
    """Two values would be joined."""
    with pytest.raises(PolicyMalformed, match=":path"):
        refuse_reframing(Mutations(headers=((":path", "/a"), (":path", "/b"))))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        (":method", "PATCH"),
        (":path", "/a/%20b?c=d&e"),
        (":path", "*"),
        (":authority", "[::1]:8080"),
        ("host", "api.example:443"),
        (":scheme", "https"),
        ("x-user", "any thing"),
        ("x-user", ""),
    ],
)
def test_other_changes_are_the_policys(name: str, value: str) -> None:
    """As with the plugin."""
    refuse_reframing(Mutations(headers=((name, value),), response_headers=(("x-a", "b"),)))


@pytest.mark.parametrize("status", [204, 205, 304])
def test_a_status_without_content_has_no_body(status: int) -> None:
    """Clients would read it as the next response."""
    with pytest.raises(PolicyMalformed, match=str(status)):
        refuse_content(Deny(status, body="a"))
    refuse_content(Deny(status))


@pytest.mark.parametrize("status", [200, 202, 302, 403, 503])
def test_any_other_status_may_have_one(status: int) -> None:
    """Or none."""
    refuse_content(Deny(status, body="a"))
    refuse_content(Deny(status))
