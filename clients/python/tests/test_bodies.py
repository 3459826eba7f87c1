from __future__ import annotations

import io
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest

from clients.python.tests.gate_double import Caller, GateDouble
from holdgate_client import NotReplayable

MARK = {"holdgate_replayable": True}


class Twice:
    """A body that gives the same chunks each time."""

    def __iter__(self) -> Iterator[bytes]:
        yield from (b"a", b"b")

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for chunk in self:
            yield chunk


class TwiceAsync:
    """The same for asynchronous clients alone."""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for chunk in (b"a", b"b"):
            yield chunk


def test_a_stream_is_refused_with_the_ticket_it_is_held_under(caller: Caller, gate: GateDouble) -> None:
    with pytest.raises(NotReplayable, match=r"0-ticket1.*as bytes.*holdgate_replayable") as caught:
        caller.send("POST", content=caller.streamed(b"a", b"b"))
    assert (len(gate.sent), gate.asked, gate.sent[0].content) == (1, [], b"ab")
    gate.state = "approved"
    again = caller.send("POST", content=b"ab", extensions={"holdgate_ticket": caught.value.ticket})
    assert again.status_code == 200


def test_a_stream_that_nobody_holds_passes(caller: Caller) -> None:
    caller.handler = lambda request: httpx.Response(200, content=request.content)
    assert caller.send("POST", content=caller.streamed(b"a", b"b")).content == b"ab"


def test_a_stream_that_the_caller_marks_is_sent_again(caller: Caller, gate: GateDouble) -> None:
    content = Twice() if caller.kind == "sync" else TwiceAsync()
    assert caller.send("POST", content=content, extensions=MARK).status_code == 200
    assert [sent.content for sent in gate.sent] == [b"ab", b"ab"]


def test_a_mark_on_what_can_be_read_once_sends_nothing_else_instead(caller: Caller, gate: GateDouble) -> None:
    with pytest.raises(httpx.StreamConsumed):
        caller.send("POST", content=caller.streamed(b"a", b"b"), extensions=MARK)
    assert len(gate.sent) == 1


@pytest.mark.parametrize(
    "body", [{"content": b"x"}, {"json": {"a": 1}}, {"data": {"a": "1"}}, {}], ids="".join
)
def test_bytes_json_and_forms_can_be_sent_again(
    body: dict[str, Any], caller: Caller, gate: GateDouble
) -> None:
    assert caller.send("POST", **body).status_code == 200
    first, again = gate.sent
    assert first.content == again.content


def test_an_upload_of_files_is_a_stream(caller: Caller, gate: GateDouble) -> None:
    files = {"file": io.BytesIO(b"content")}
    with pytest.raises(NotReplayable):
        caller.send("POST", files=files)
    gate.sent.clear()
    assert caller.send("POST", files={"file": io.BytesIO(b"content")}, extensions=MARK).status_code == 200
    first, again = gate.sent
    assert first.content == again.content
    assert b"content" in first.content
