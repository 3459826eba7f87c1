from __future__ import annotations

import json
from base64 import urlsafe_b64encode

import pytest

from authz.domain.ticket import State
from authz.entrypoints.management.page_token import cursor_of, page_token

STATES = {State.PENDING, State.APPROVED}


def _encoded(document: object) -> str:
    return urlsafe_b64encode(json.dumps(document).encode()).decode()


def test_a_token_gives_its_cursor_back_for_the_same_states() -> None:
    assert cursor_of(page_token(STATES, "1700-3"), STATES) == "1700-3"


def test_the_end_has_no_token_and_no_token_starts_at_the_newest() -> None:
    assert page_token(STATES, "") == ""
    assert cursor_of("", STATES) == ""


def test_a_token_of_another_list_is_refused() -> None:
    with pytest.raises(ValueError, match="other states"):
        cursor_of(page_token(STATES, "1700-3"), {State.PENDING})


@pytest.mark.parametrize(
    "token",
    [
        "!",
        "é",
        "a",
        "x" * 2000,
        _encoded("text"),
        _encoded([["pending"]]),
        _encoded([["pending"], 3]),
        _encoded([["pending"], "\ud800"]),
        _encoded([["pending"], "a\nb"]),
        _encoded({"a": 1, "b": 2}),
        urlsafe_b64encode(b"[" * 700).decode(),
        urlsafe_b64encode(b"\xff\xff").decode(),
    ],
)
def test_what_is_no_token_is_refused_and_never_reaches_the_store(token: str) -> None:
    with pytest.raises(ValueError, match="is not a page token"):
        cursor_of(token, {State.PENDING})
