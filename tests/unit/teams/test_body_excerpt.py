from __future__ import annotations

import json
from dataclasses import replace

import pytest

from authz.adapters.cards.body_excerpt import AMBIGUOUS, LINES_MAX, MARK, BodyExcerpt, excerpt
from authz.adapters.cards.secrets import MASK
from authz.domain.secrecy import is_secret
from tests.support.sample_tickets import REQUEST


def of(
    body: bytes,
    kind: bytes = b"application/json",
    limit: int = 1000,
    size: int | None = None,
    may_differ: tuple[str, ...] = (),
) -> BodyExcerpt:
    request = replace(
        REQUEST, body_size=len(body) if size is None else size, headers=(("content-type", kind),)
    )
    return excerpt(request, body, limit, may_differ=may_differ)


def test_json_is_laid_out_for_reading() -> None:
    assert of(b'{"a":[1,{"b":null}],"c":{},"d":[],"e":true}').text == (
        '{\n  "a": [\n    1,\n    {\n      "b": null\n    }\n  ],\n  "c": {},\n  "d": [],\n  "e": true\n}'
    )


def test_a_body_that_is_not_kept_is_said_to_be_missing() -> None:
    assert excerpt(replace(REQUEST, body_size=9), None, 1000) == BodyExcerpt("Body: 9 bytes, not kept", "")


def test_json_is_shown_as_it_is_and_not_as_a_parser_takes_it() -> None:
    """A doubled key is what one parser after another reads differently, and a float would change a number."""
    shown = of(b'{"n":1,"n":100,"x":1e400,"y":1.0,"z":12345678901234567890}').text
    assert '"n": 1,' in shown
    assert '"n": 100,' in shown
    for number in ("1e400", "1.0", "12345678901234567890"):
        assert f": {number}" in shown


def test_values_of_secret_names_are_masked_at_every_depth() -> None:
    shown = of(
        b'{"db":{"password":"hunter2","port":1},"apiKeys":["hunter2",{"v":"hunter2"}],"token":true}'
    ).text
    assert "hunter2" not in shown
    assert shown.count(MASK) == 3
    assert '"port": 1' in shown


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"user=al&password=hunter2", b"application/x-www-form-urlencoded"),
        (b"user=al&p%61ssword=hunter2", b"application/x-www-form-urlencoded; charset=utf-8"),
        (b"name: x\npassword: hunter2\n", b"application/yaml"),
        (b"export API_KEY=hunter2", b"text/plain"),
        (b"host=x password = 'hunter2' user=y", b"text/plain"),
        (b"<a><clientSecret kind='x'>hunter2</clientSecret></a>", b"application/xml"),
        (b'{"password":"hunter2", broken', b"application/json"),
        (b'  {"password":"hunter2", broken', b"text/plain"),
        (b'--b\r\nname="password"\r\n\r\nhunter2\r\n--b--', b"multipart/form-data; boundary=b"),
    ],
)
def test_secrets_in_other_bodies_are_masked_or_the_body_is_not_shown(body: bytes, kind: bytes) -> None:
    shown = of(body, kind)
    assert "hunter2" not in shown.text
    assert shown.text or "not shown here: see the page" in shown.caption


@pytest.mark.parametrize(
    "name",
    [
        "password",
        "PASSWD",
        "apiKey",
        "X-Api-Key",
        "api.key",
        "client_secret",
        "Set-Cookie",
        "authToken",
        "pin",
    ],
)
def test_secret_names_are_known_however_they_are_spelled(name: str) -> None:
    assert is_secret(name)


@pytest.mark.parametrize("name", ["author", "pinned", "keyboard", "replicas", "monkey", "path", "passenger"])
def test_ordinary_names_are_left_alone(name: str) -> None:
    assert not is_secret(name)


@pytest.mark.parametrize("body", [b"\x00\x01", b"\xff\xfe\xfd", b"a\xc3"])
def test_a_body_that_is_no_text_is_described_instead(body: bytes) -> None:
    shown = of(body, b"application/octet-stream")
    assert shown.text == ""
    assert "not shown here: see the page" in shown.caption
    assert "SHA-256" in shown.caption


def test_a_body_stored_in_part_is_called_cut_and_has_no_digest() -> None:
    shown = of("grüße".encode()[:3], b"text/plain", size=5000)
    assert shown.text == "gr"
    assert shown.caption == "Body: 5000 bytes, cut: see the page"


def test_a_long_body_is_cut_visibly() -> None:
    shown = of(b"x" * 2000, b"text/plain", limit=100)
    assert shown.text == "x" * 100
    assert shown.caption.endswith(", cut: see the page")


@pytest.mark.parametrize("body", [b"[" * 100_000, b'{"a":' * 200 + b"1" + b"}" * 200])
def test_json_nested_beyond_reading_is_not_shown(body: bytes) -> None:
    assert of(body).text == ""


def test_no_body_is_said_in_words() -> None:
    assert of(b"").caption == "No body, and none may be added."


def test_many_lines_are_cut_visibly() -> None:
    shown = of(b"x\n" * 100, b"text/plain")
    assert (shown.text.count("\n") + 1, shown.cut) == (LINES_MAX, True)
    assert shown.caption.endswith(", cut: see the page")
    assert not of(b"x\n" * 10, b"text/plain").cut


def test_a_mark_of_what_may_differ_stands_where_no_body_can_write_one() -> None:
    """Whoever writes the mark into a body gets it inside of the quotes that JSON has around every text."""
    body = json.dumps({"a": f'1"{MARK}', "b": {"c": [1, {}]}, "d~/": None}).encode()
    shown = of(body, may_differ=("/b", "/b/c/1", "/d~0~1"))
    marked = [line.removesuffix(MARK).strip() for line in shown.text.split("\n") if line.endswith(MARK)]
    assert marked == ['"b": {', "{}", '"d~/": null']
    unmarked = of(body, may_differ=("/x", "b", "/b/c/01")).text
    assert unmarked.count(MARK) == 1
    assert f'"1\\"{MARK}"' in unmarked


@pytest.mark.parametrize(
    ("body", "ambiguous"),
    [
        (b'{"a": 1, "a": 2}', True),
        (b'[{"x": {"a": 1, "b": 2, "\\u0061": 3}}]', True),
        (b'{"a": 1, "A": 2}', False),
        (b'[{"a": 1}, {"a": 2}]', False),
        (b'{"a": {"a": 1}}', False),
    ],
)
def test_json_that_programs_read_differently_is_called_so(body: bytes, ambiguous: bool) -> None:
    shown = of(body)
    assert (AMBIGUOUS in shown.caption) is ambiguous
    assert shown.text.count(":") == body.count(b":")
