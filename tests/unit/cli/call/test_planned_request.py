from __future__ import annotations

import io
from pathlib import Path

import pytest

from authz.entrypoints.cli.call import planned_request
from authz.entrypoints.cli.call.planned_request import Data, plan

URL = "https://gate.test/a"
FORM = (b"content-type", b"application/x-www-form-urlencoded")


class Stdin:
    def __init__(self, content: bytes) -> None:
        self.buffer = io.BytesIO(content)


@pytest.mark.parametrize(
    ("method", "data", "sent"),
    [
        (None, None, "GET"),
        (None, Data("--data", ("a",)), "POST"),
        ("delete", None, "DELETE"),
        ("PUT", Data("--data", ("a",)), "PUT"),
        ("PROPFIND", None, "PROPFIND"),
    ],
)
def test_the_method_is_the_one_that_curl_would_send(method: str | None, data: Data | None, sent: str) -> None:
    assert plan(method, URL, (), data).method == sent


def test_headers_are_sent_as_given_and_in_order() -> None:
    planned = plan(None, URL, ("X-B: 1", "x-a:2 ", "X-B: \u00e9"), None)
    assert planned.headers == ((b"X-B", b"1"), (b"x-a", b"2"), (b"X-B", "\u00e9".encode()))


def test_headers_in_a_file_are_on_no_command_line(tmp_path: Path) -> None:
    file = tmp_path / "headers"
    file.write_text("authorization: Bearer x\n\nx-tenant: t\n")
    planned = plan(None, URL, (f"@{file}",), None)
    assert planned.headers == ((b"authorization", b"Bearer x"), (b"x-tenant", b"t"))
    assert "Bearer" not in repr(planned)


@pytest.mark.parametrize(
    "wrong", ["secret", "", ": secret", "a b: secret", "a: secret\r\nx: 1", "a: secret\x00"]
)
def test_a_header_that_is_none_is_refused_without_its_value(wrong: str) -> None:
    with pytest.raises(ValueError, match="header") as caught:
        plan(None, URL, (wrong,), None)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("wrong", ["gate.test/a", "ftp://gate.test", "https://", "file:///etc/passwd", ""])
def test_an_address_that_is_none_is_refused(wrong: str) -> None:
    with pytest.raises(ValueError, match="no address"):
        plan(None, wrong, (), None)


def test_a_method_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="no method"):
        plan("GET / HTTP/1.1\r\n", URL, (), None)


def test_pieces_of_a_form_are_joined() -> None:
    planned = plan(None, URL, (), Data("--data", ("a=1", "b=2")))
    assert (planned.body, planned.headers) == (b"a=1&b=2", (FORM,))


def test_json_says_what_it_is_unless_the_caller_does() -> None:
    planned = plan(None, URL, (), Data("--json", ('{"a":', "1}")))
    assert planned.body == b'{"a":1}'
    assert planned.headers == ((b"content-type", b"application/json"), (b"accept", b"application/json"))
    own = plan(None, URL, ("Content-Type: a/b", "ACCEPT: c/d"), Data("--json", ("1",)))
    assert own.headers == ((b"Content-Type", b"a/b"), (b"ACCEPT", b"c/d"))


@pytest.mark.parametrize(
    ("option", "body"),
    [("--data", b"a\x00b"), ("--data-binary", b"a\x00\r\nb\n"), ("--json", b"a\x00\r\nb\n")],
)
def test_a_file_is_read_as_curl_reads_it(option: str, body: bytes, tmp_path: Path) -> None:
    file = tmp_path / "body"
    file.write_bytes(b"a\x00\r\nb\n")
    assert plan(None, URL, (), Data(option, (f"@{file}",))).body == body


def test_raw_data_may_begin_with_an_at_sign() -> None:
    assert plan(None, URL, (), Data("--data-raw", ("@nobody",))).body == b"@nobody"


def test_stdin_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", Stdin(b"from stdin"))
    assert plan(None, URL, (), Data("--data-binary", ("@-",))).body == b"from stdin"
    with pytest.raises(ValueError, match="once"):
        plan(None, URL, (), Data("--data-binary", ("@-", "@-")))


def test_no_more_is_kept_than_the_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planned_request, "BODY_MAX", 10)
    file = tmp_path / "body"
    file.write_bytes(b"a" * 10)
    assert plan(None, URL, (), Data("--data-binary", (f"@{file}",))).body == b"a" * 10
    file.write_bytes(b"a" * 1000)
    with pytest.raises(ValueError, match="11 bytes, and at most 10"):
        plan(None, URL, (), Data("--data-binary", (f"@{file}",)))


def test_the_host_is_the_one_in_the_header() -> None:
    assert plan(None, URL, ("HOST: other.test",), None).host == "other.test"
    assert plan(None, URL, (), None).host is None
