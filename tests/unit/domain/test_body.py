from __future__ import annotations

import pytest

from authz.domain import body
from authz.domain.body import visible_body
from authz.domain.errors import BodyNotVisible
from authz.domain.request import GatedRequest
from tests.support.gated_requests import gated

LIMIT = 1000
UNMARKED, WHOLE, CUT = None, False, True


def request(length: bytes | None, arrived: int, *, partial: bool | None, limit: int = LIMIT) -> GatedRequest:
    headers = () if length is None else (("content-length", length),)
    return gated(headers=headers, body=b"x" * arrived, partial=partial, body_limit=limit)


@pytest.mark.parametrize(
    ("length", "arrived", "partial"),
    [
        (None, 0, UNMARKED),  # a DELETE without a body, while Envoy buffers
        (b"0", 0, UNMARKED),  # HTTP/1 with content-length 0 is unmarked
        (None, 0, WHOLE),  # HTTP/2 without data
        (None, 10, WHOLE),  # chunked
        (b"10", 10, WHOLE),
        (b"10", 10, UNMARKED),
        (b"010", 10, WHOLE),
        (None, LIMIT - 1, WHOLE),
        (b"1000", LIMIT, WHOLE),  # exactly the limit, and the length says that this is all
    ],
)
def test_a_body_that_is_certainly_whole_is_returned(
    length: bytes | None, arrived: int, *, partial: bool | None
) -> None:
    """Every way in which Envoy shows a whole body."""
    assert visible_body(request(length, arrived, partial=partial)) == b"x" * arrived


@pytest.mark.parametrize(
    ("length", "arrived", "partial", "reason"),
    [
        (None, LIMIT, WHOLE, "fills Envoy's buffer"),  # it paused exactly there and is marked whole
        (None, LIMIT + 1, WHOLE, "fills Envoy's buffer"),
        (None, LIMIT, UNMARKED, "fills Envoy's buffer"),
        (b"2000", LIMIT, CUT, "longer than the 1000 bytes"),
        (None, 10, CUT, "longer than the 1000 bytes"),
        (b"10", 10, CUT, "longer than the 1000 bytes"),
        (b"2000", LIMIT, WHOLE, "does not equal the 1000 bytes"),
        (b"11", 10, WHOLE, "does not equal the 10 bytes"),
        (b"9", 10, WHOLE, "does not equal the 10 bytes"),
        (b"5", 0, UNMARKED, "does not equal the 0 bytes"),
        (b"", 0, UNMARKED, "does not equal"),
        (b"-0", 0, UNMARKED, "does not equal"),
        (b"0x0", 0, UNMARKED, "does not equal"),
        (b"10,10", 10, WHOLE, "does not equal"),
        (b" 10", 10, WHOLE, "does not equal"),
        ("\u0661\u0660".encode(), 10, WHOLE, "does not equal"),
        (b"0" * 100_000 + b"10", 10, WHOLE, "does not equal"),
    ],
)
def test_a_body_that_may_not_be_whole_is_refused(
    length: bytes | None, arrived: int, reason: str, *, partial: bool | None
) -> None:
    """Every boundary, with a reason that names no byte of it."""
    with pytest.raises(BodyNotVisible, match=reason):
        visible_body(request(length, arrived, partial=partial))


def test_two_lengths_are_refused() -> None:
    """Two readers might each believe another one."""
    doubled = gated(headers=(("content-length", b"3"), ("content-length", b"3")), body=b"xxx")
    with pytest.raises(BodyNotVisible, match="does not equal"):
        visible_body(doubled)


@pytest.mark.parametrize("limit", [0, -1])
@pytest.mark.parametrize("length", [None, b"0", b"5"])
def test_no_body_is_seen_where_envoy_buffers_none(length: bytes | None, limit: int) -> None:
    """A chunked POST then looks exactly like a DELETE without a body (measured)."""
    with pytest.raises(BodyNotVisible, match="buffers no body"):
        visible_body(request(length, 0, partial=UNMARKED, limit=limit))


@pytest.mark.parametrize("changes", [{"method": "CONNECT"}, {"headers": (("upgrade", b"websocket"),)}])
def test_an_upgrade_has_no_body_that_could_be_seen(changes: dict[str, object]) -> None:
    """What follows an upgrade is a session, not a body."""
    with pytest.raises(BodyNotVisible, match="upgraded"):
        visible_body(gated(**{"headers": (), "body": b""} | changes))


def test_a_body_sent_as_text_may_hide_bytes() -> None:
    """Without pack_as_bytes a byte outside UTF-8 has become an exclamation mark."""
    as_text = gated(headers=(), body=b"yes!", raw_body=False)
    with pytest.raises(BodyNotVisible, match="pack_as_bytes"):
        visible_body(as_text)
    assert visible_body(gated(headers=(), body=b"yes!")) == b"yes!"
    assert visible_body(gated(headers=(), body=b"yes", raw_body=False)) == b"yes"


def test_a_cut_body_would_pass_without_the_comparison(monkeypatch: pytest.MonkeyPatch) -> None:
    """Control: it is the length that gives the boundary cases away."""
    monkeypatch.setattr(body, "_match_length", lambda _request: None)
    assert visible_body(request(None, LIMIT, partial=WHOLE)) == b"x" * LIMIT
    assert visible_body(request(b"2000", LIMIT, partial=WHOLE)) == b"x" * LIMIT
