"""Reading the header Prefer (RFC 7240)."""

from __future__ import annotations

import pytest

from authz.domain.prefer import Preferences, preferences


@pytest.mark.parametrize(
    ("header", "wait"),
    [
        ("wait=10", 10),
        ("Wait = 10", 10),
        ('wait="10"', 10),
        ("wait=10; foo=bar", 10),
        ("handling=lenient, wait=100, respond-async", 100),
        ("wait=0", 0),
        ("wait=000000030", 30),
        ("wait=5, wait=50", 5),
        ("wait=soon, wait=50", None),
        ("wait", None),
        ("wait=", None),
        ("wait=-5", None),
        ("wait=1.5", None),
        ("wait=٣", None),
        ("wait=9999999999", None),
        ("waiting=10", None),
        ('note="a, wait=10"', None),
        (r'note="a\", wait=10"', None),
        ("", None),
        (",,", None),
    ],
)
def test_the_seconds_to_wait_are_read_as_the_rfc_writes_them(header: str, wait: int | None) -> None:
    assert preferences([header.encode()]).wait == wait


@pytest.mark.parametrize(
    ("header", "asked"),
    [("respond-async", True), ("Respond-Async", True), ("wait=3,respond-async", True), ("async", False)],
)
def test_an_answer_at_once_can_be_asked_for(header: str, asked: bool) -> None:
    assert preferences([header.encode()]).respond_async is asked


def test_what_is_not_ours_is_kept_as_it_came_and_in_order() -> None:
    header = b'return=minimal; x="1, 2" , wait=5,respond-async, Handling = strict'
    assert preferences([header]).others == ('return=minimal; x="1, 2"', "Handling = strict")


def test_values_of_several_lines_are_one_list() -> None:
    assert preferences([b"return=minimal", b"wait=7"]) == Preferences(7, others=("return=minimal",))


def test_a_header_beyond_all_reason_is_passed_on_unread() -> None:
    header = b"wait=5, " + b"x" * 1024
    assert preferences([header]) == Preferences(others=(header.decode(),))
