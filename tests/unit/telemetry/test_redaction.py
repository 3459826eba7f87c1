from __future__ import annotations

import json
import timeit
from collections.abc import Callable
from time import process_time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from authz.adapters.telemetry import redaction
from authz.adapters.telemetry.redaction import DEPTH_MAX, ITEMS_MAX, TEXT_MAX, redact
from authz.adapters.telemetry.secret_shapes import REDACTED, has_traces, without_secrets
from tests.unit.telemetry import corpus

TEXTS = {**corpus.BY_SHAPE, **corpus.BY_NAME_IN_TEXT}

Wrap = Callable[[str], object]
WRAPS: dict[str, Wrap] = {
    "text": lambda text: text,
    "list": lambda text: ["a", text],
    "set": lambda text: {text},
    "tuple in a list": lambda text: [("a", text, "b")],
    "value of a mapping": lambda text: {"a": {"b": text}},
    "key of a mapping": lambda text: {text: 1},
    "bytes": lambda text: text.encode(),
    "exception": ValueError,
    "between others": lambda text: f"before, {text}",
}


def logged(**event: object) -> str:
    return json.dumps(redact(None, "info", dict(event)), default=repr)


def test_the_corpus_is_as_large_as_promised() -> None:
    assert len(TEXTS) >= 60
    assert len(corpus.HARMLESS) >= 30


@pytest.mark.parametrize("wrap", WRAPS.values(), ids=WRAPS)
@pytest.mark.parametrize(("secret", "text"), TEXTS.values(), ids=TEXTS)
def test_no_secret_is_written_whatever_holds_it(secret: str, text: str, wrap: Wrap) -> None:
    found = logged(event="e", thing=wrap(text))
    for spelled in (secret, json.dumps(secret)[1:-1], repr(secret)[1:-1]):
        assert spelled not in found
    assert REDACTED in found


@pytest.mark.parametrize(("secret", "text"), TEXTS.values(), ids=TEXTS)
def test_control_without_the_processor_each_would_be_written(secret: str, text: str) -> None:
    assert secret in text


@pytest.mark.parametrize("text", corpus.HARMLESS)
def test_what_is_harmless_stays_readable(text: str) -> None:
    assert redact(None, "info", {"event": text, "more": [text]}) == {"event": text, "more": [text]}


@pytest.mark.parametrize("key", corpus.SECRET_KEYS)
def test_what_goes_under_a_secret_name_is_not_written(key: str) -> None:
    for found in (
        logged(**{key: "hunter2x"}),
        logged(**{key: ["hunter2x"]}),
        logged(**{key: {"a": "hunter2x"}}),
        logged(**{key: b"hunter2x"}),
        logged(**{key: ValueError("hunter2x")}),
        logged(headers={key: "hunter2x"}),
        logged(headers=[{"a": {key: "hunter2x"}}]),
        logged(headers=[(key, "hunter2x")]),
        logged(headers=[[key.encode(), b"hunter2x"]]),
        logged(headers=[{"name": key, "value": "hunter2x"}]),
        logged(headers=[{"key": key, "raw_value": b"hunter2x"}]),
    ):
        assert "hunter2x" not in found
        assert REDACTED in found


def test_numbers_under_a_secret_name_are_hidden_and_others_are_not() -> None:
    assert redact(None, "info", {"pin": 1234, "status": 200, "seconds": 0.5, "held": True, "rule": None}) == {
        "pin": REDACTED,
        "status": 200,
        "seconds": 0.5,
        "held": True,
        "rule": None,
    }


def test_the_line_of_a_check_stays_as_it_is() -> None:
    line = {
        "event": "check",
        "decision": "hold",
        "status": 202,
        "method": "DELETE",
        "host": "api.gate.test:8080",
        "path": "/v1/projects/4711",
        "request_id": "9d1c0b9a-7a53-4f5d-9a5a-1f0a5c1b2d3e",
        "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
        "principal": "https%3A%2F%2Fissuer.test:alice",
        "ticket_id": "0-fkaz6rlsxuscnyjd7quioqg6tm",
        "rule": "delete-production",
        "decision_id": "0c8fd1ae-6c55-4b0e-b9b7-1a2b3c4d5e6f",
        "detail": "",
        "duration_ms": 1.234,
    }
    assert redact(None, "info", dict(line)) == line


def test_what_surrounds_a_secret_is_still_told() -> None:
    said = without_secrets("GET https://alice:pw1@up.test/a?page=2&token=abc1 password='x y', status=500")
    assert said == f"GET https://{REDACTED}@up.test/a?page=2&token={REDACTED} password={REDACTED}, status=500"


def test_a_text_of_any_length_is_cut_between_words() -> None:
    whole = "word " * TEXT_MAX
    found = redact(None, "info", {"event": whole})["event"]
    assert len(found) < TEXT_MAX + 40
    assert found.endswith("more characters)")
    secret = f"{'a ' * (TEXT_MAX // 2 - 10)} {corpus.TOKEN}"
    assert "hg1" not in redact(None, "info", {"event": secret})["event"]


def test_a_structure_is_followed_only_so_far() -> None:
    deep: Any = "hunter2x"
    for _ in range(DEPTH_MAX + 5):
        deep = [deep]
    assert "hunter2x" not in logged(thing=deep)
    wide = redact(None, "info", {"list": list(range(1000)), "map": {str(n): n for n in range(1000)}})
    assert len(wide["list"]) == ITEMS_MAX + 1
    assert len(wide["map"]) == ITEMS_MAX + 1


PIECES = st.sampled_from(
    [
        *(
            "token",
            "key",
            "password",
            "sig",
            "code",
            "state",
            "x-api-key",
            "session",
            "cookie",
            "authorization",
        ),
        *(
            "=",
            ":",
            ": ",
            "?",
            "&",
            ";",
            "://",
            "@",
            "/",
            " ",
            "\n",
            '"',
            "'",
            ".",
            "-",
            "_",
            "%74",
            "Bearer ",
            "basic ",
        ),
        *(
            "hg1.",
            "eyJ",
            "AKIA",
            "ghp_",
            "sk-",
            "hooks.",
            "webhook",
            "-----BEGIN ",
            "PRIVATE KEY-----",
            "redis",
        ),
        *("abc", "X1y2Z3", "0123456789", corpus.LONG),
    ]
)


@settings(max_examples=400, deadline=None)
@given(st.lists(PIECES, max_size=12).map("".join))
def test_the_quick_look_misses_nothing_that_would_be_changed(text: str) -> None:
    assert has_traces(text) or without_secrets(text) == text


@settings(max_examples=100, deadline=None)
@given(
    st.recursive(
        st.none() | st.integers() | st.text() | st.binary(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_nothing_that_is_logged_makes_it_fail(value: object) -> None:
    json.dumps(redact(None, "info", {"event": "e", "value": value}))


@pytest.mark.parametrize(
    "text",
    [
        *(
            "a.b=c d:e ",
            "eyJ",
            "Bearer ",
            "://",
            "://@",
            "-----BEGIN PRIVATE KEY-----",
            "?a=b&token",
            'token="\\',
            "a.-",
        ),
        *(
            "https://hooks.",
            "authorization",
            "cookie: ",
            "token",
            "token=",
            "redis://",
            "redis://@",
            "%74",
            "x://a:b@",
            '"',
        ),
    ],
)
def test_the_worst_text_costs_little_more_than_its_length(text: str) -> None:
    whole = (text * TEXT_MAX)[:TEXT_MAX]
    eighth = whole[: TEXT_MAX // 8]
    cost = min(timeit.repeat(lambda: without_secrets(whole), number=1, repeat=5, timer=process_time))
    of_eighth = min(timeit.repeat(lambda: without_secrets(eighth), number=1, repeat=5, timer=process_time))
    assert cost < 30 * of_eighth + 0.005, "a cost that grows with the square would be 64 times as much"


def test_a_line_without_secrets_is_not_searched_for_their_shapes(monkeypatch: pytest.MonkeyPatch) -> None:
    searched: list[str] = []

    def noting(text: str) -> str:
        searched.append(text)
        return text

    monkeypatch.setattr(redaction, "without_secrets", noting)
    redact(None, "info", {"event": "check", "host": "gate.test:8080", "path": "/v1/tokens", "status": 200})
    assert searched == []
    redact(None, "info", {"event": "check", "path": "/v1?token=abc"})
    assert searched == ["/v1?token=abc"]
