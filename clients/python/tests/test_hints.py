from __future__ import annotations

import httpx
import pytest

from clients.python.tests.gate_double import URL, Caller, GateDouble
from holdgate_client import Hold, Patience
from holdgate_client.outgoing import patient
from holdgate_client.pace import GAP, Pace
from holdgate_client.retry_after import retry_after

NOON = "Mon, 02 Mar 2026 12:00:00 GMT"
A_MINUTE_LATER = "Mon, 02 Mar 2026 12:01:00 GMT"


@pytest.mark.parametrize(
    ("said", "date", "seconds"),
    [
        ("7", None, 7),
        ("0", None, 0),
        (" 7 ", None, 7),
        (A_MINUTE_LATER, NOON, 60),
        (NOON, A_MINUTE_LATER, 0),
        (A_MINUTE_LATER, None, None),
        (A_MINUTE_LATER, "yesterday", None),
        ("-7", None, None),
        ("7.5", None, None),
        ("\u0667", None, None),
        ("soon", NOON, None),
        ("", NOON, None),
        ("9" * 400, None, None),
        ("Mon, 02 Mar 99999999999999999999 12:01:00 GMT", NOON, None),
    ],
)
def test_retry_after_in_seconds_or_as_a_date_by_the_gates_own_clock(
    said: str, date: str | None, seconds: float | None
) -> None:
    headers = httpx.Headers({"retry-after": said}, encoding="utf-8")
    if date is not None:
        headers["date"] = date
    assert retry_after(headers) == seconds


def test_a_clock_that_is_wrong_makes_no_difference(caller: Caller, gate: GateDouble) -> None:
    """Neither the gate's, which says it is 2026, nor the one here."""

    def dated(request: httpx.Request) -> httpx.Response:
        response = gate(request)
        response.headers["retry-after"], response.headers["date"] = A_MINUTE_LATER, NOON
        return response

    caller.handler = dated
    caller.send()
    assert 60 <= caller.time.pauses[1] <= 72


def test_a_pause_is_never_shorter_than_the_gate_says_nor_absurdly_long() -> None:
    pace = Pace(Patience(), 0.0)
    for _ in range(200):
        assert 5 <= pace.pause(5) <= 6
        assert 5 <= pace.pause(None) <= 6
        assert GAP <= pace.pause(0) <= GAP * 1.2
        assert pace.pause(1e9) <= 360
        assert pace.backoff(1, None) >= 1
        assert pace.backoff(1, 40) >= 40
        assert 30 <= pace.backoff(1000, None) <= 36


@pytest.mark.parametrize(
    ("prefer", "read"),
    [
        ("wait=30", 35.0),
        ("respond-async, wait=30", 35.0),
        ('Wait = "30"; x=1, a', 35.0),
        ("wait=30,wait=60", 35.0),
        ("wait=99999", 5.0),
        ("awaits=30", 5.0),
        ("wait=soon", 5.0),
        ("", 5.0),
    ],
)
def test_a_request_that_asks_the_gate_to_wait_has_the_time_for_it(prefer: str, read: float) -> None:
    request = httpx.Request(
        "GET", URL, headers={"prefer": prefer}, extensions={"timeout": {"read": 5.0, "connect": 1.0}}
    )
    sent = patient(request)
    assert sent.extensions["timeout"] == {"read": read, "connect": 1.0}
    assert request.extensions["timeout"]["read"] == 5.0
    assert sent.headers == request.headers


def test_a_request_without_a_timeout_keeps_none() -> None:
    request = httpx.Request("GET", URL, headers={"prefer": "wait=30"}, extensions={"timeout": {"read": None}})
    assert patient(request) is request


@pytest.mark.parametrize("nonsense", [None, 7, "x", [], {}, [1], {"given": "1", "awaiting": "sre"}, True])
def test_a_hold_with_members_of_another_shape_is_one_all_the_same(nonsense: object) -> None:
    names = ("rule", "reason", "detail", "created_at", "expires_at", "progress", "links")
    hold = Hold.parse({"id": "1", "state": "pending", **dict.fromkeys(names, nonsense)})
    assert hold is not None
    assert (hold.given, hold.needed, hold.created_at, hold.review_url) == (0, 0, None, None)


@pytest.mark.parametrize("review", ["javascript:alert(1)", "/tickets/1", "ftp://x.test", 7])
def test_a_review_page_is_an_address_of_the_web(review: object) -> None:
    hold = Hold.parse({"id": "1", "state": "pending", "links": {"review": review}})
    assert hold is not None
    assert hold.review_url is None
