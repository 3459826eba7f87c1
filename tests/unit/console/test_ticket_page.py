"""What the page of a ticket shows, and that no text in it becomes anything else than text."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

import pytest

from authz.domain.approver import Approver, ApproverKind
from authz.domain.identity import Identity, Principal
from tests.unit.console.world import World, all_text, identity, vote_form

CORPUS = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onfocus='alert(1)' autofocus='",
    "</pre></textarea></title><svg onload=alert(1)>",
    "{{ 7*7 }}{% raw %}",
    "javascript:alert(1)",
    "\u202e\u2066gnp.exe\u2069",
    "a\x00b\x1b[31mc\r\nd",
    "<!--",
    "&lt;b&gt;&#x202e;",
    "]]><![CDATA[",
]
ALLOWED = {
    *(
        "html",
        "head",
        "meta",
        "title",
        "link",
        "body",
        "a",
        "header",
        "span",
        "div",
        "form",
        "input",
        "button",
        "main",
    ),
    *(
        "section",
        "p",
        "h1",
        "h2",
        "h3",
        "dl",
        "dt",
        "dd",
        "details",
        "summary",
        "pre",
        "bdi",
        "ul",
        "li",
        "blockquote",
    ),
    *("time", "strong", "br", "label", "textarea", "nav"),
}
ATTRIBUTES = {
    *(
        "lang",
        "charset",
        "name",
        "content",
        "rel",
        "href",
        "type",
        "class",
        "id",
        "aria-hidden",
        "method",
        "action",
    ),
    *(
        "value",
        "aria-labelledby",
        "aria-label",
        "tabindex",
        "datetime",
        "for",
        "rows",
        "maxlength",
        "required",
        "role",
    ),
}


class Inspector(HTMLParser):
    """Collects the elements and attributes of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: dict[str, set[str]] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        for name, value in attrs:
            self.attributes.setdefault(name, set()).add(value or "")


def inspect(html: str) -> Inspector:
    inspector = Inspector()
    inspector.feed(html)
    inspector.close()
    return inspector


def fields_with(text: str) -> list[dict[str, Any]]:
    return [
        {"method": text},
        {"scheme": text},
        {"host": text},
        {"path": text},
        {"query": text},
        {"source_address": text},
        {"headers": (("x-tenant", text.encode()),)},
        {"headers": ((text, b"v"),)},
        {"body": text.encode()},
        {"body": b'{"' + text.encode() + b'": 1}'},
        {"rule": text},
        {"reason": text},
        {"show": ((text, "v"), ("t", text))},
        {"approvers": (Approver(ApproverKind.GROUP, text), Approver(ApproverKind.GROUP, "sre"))},
        {"requester": Principal(Identity(text, text), text)},
    ]


@pytest.mark.parametrize("text", CORPUS)
async def test_no_text_becomes_markup(world: World, text: str) -> None:
    bob = await world.signed_in("bob")
    for changes in fields_with(text):
        ticket = await world.held(**changes)
        for path in (f"/tickets/{ticket.id}", "/"):
            answer = await bob.get(path)
            assert answer.status_code == 200
            found = inspect(answer.text)
            assert found.tags <= ALLOWED, changes
            assert found.attributes.keys() <= ATTRIBUTES, changes
            assert all(href.startswith(("/", "#")) for href in found.attributes["href"])
            assert not re.search(r"[\x00-\x08\x0b-\x1f\u202a-\u202e\u2066-\u2069]", answer.text)


async def test_control_with_escaping_off_the_corpus_is_noticed(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    from markupsafe import Markup  # noqa: PLC0415 - what a broken filter would use

    from authz.entrypoints.console import pages  # noqa: PLC0415 - patched here alone

    monkeypatch.setitem(pages._environment.filters, "wire", Markup)
    pages._environment.cache.clear()  # type: ignore[union-attr] # filters are looked up when a template runs
    bob = await world.signed_in("bob")
    ticket = await world.held(path=CORPUS[0])
    assert "script" in inspect((await bob.get(f"/tickets/{ticket.id}")).text).tags


@pytest.mark.parametrize("text", CORPUS)
async def test_a_voters_comment_and_name_stay_text(world: World, text: str) -> None:
    ticket = await world.held()
    bob = await world.signed_in("bob")
    fields = await vote_form(bob, ticket) | {"choice": "reject", "comment": text}
    assert (await bob.post(f"/tickets/{ticket.id}/vote", data=fields)).status_code == 303
    html = (await bob.get(f"/tickets/{ticket.id}")).text
    assert inspect(html).tags <= ALLOWED


@pytest.mark.parametrize("text", CORPUS)
async def test_a_comment_that_comes_back_stays_in_its_field(world: World, text: str) -> None:
    ticket = await world.held()
    bob = await world.signed_in("bob")
    fields = await vote_form(bob, ticket) | {"choice": "reject", "comment": text + "x" * 600}
    answer = await bob.post(f"/tickets/{ticket.id}/vote", data=fields)
    assert answer.status_code == 422
    assert inspect(answer.text).tags <= ALLOWED


async def shown(world: World, **changes: Any) -> str:  # noqa: ANN401 - see world.draft
    bob = await world.signed_in("bob")
    ticket = await world.held(**changes)
    text = all_text((await bob.get(f"/tickets/{ticket.id}")).text)
    return re.sub(r"\s+", " ", text)


async def test_the_page_shows_everything_that_was_frozen(world: World) -> None:
    text = await shown(world)
    for piece in [
        "DELETE https://api.example/v1/resources/42?cascade=true",
        "content-type application/json",
        "x-tenant blue",
        '"force": true',
        "15 bytes, JSON",
        "alice",
        f"{identity('alice').id} of {identity('alice').ns}",
        "192.0.2.7",
        "delete-production",
        "deletes a production resource",
        "Cluster prod-eu",
        "may run once, within 15m of the approval",
        "0 of 1",
        "Waits for sre.",
        "2027-01-15T08:00:00Z now",
        "2027-01-15T08:30:00Z in 30 minutes",
        "more have to stay absent",
    ]:
        assert piece in text, piece


async def test_the_code_and_the_digest_are_those_of_card_and_vote(world: World) -> None:
    bob = await world.signed_in("bob")
    ticket = await world.held()
    html = (await bob.get(f"/tickets/{ticket.id}")).text
    assert ticket.draft.fingerprint.payload_digest in html
    code = ticket.id.partition("-")[2][:6].upper()
    assert f"{code[:3]}-{code[3:]}" in html


@pytest.mark.parametrize(
    ("query", "words"), [(None, "Query none"), ("", "Query empty, after a ?"), ("a=%2F", "Query a=%2F")]
)
async def test_no_query_and_an_empty_one_are_two_things(world: World, query: str | None, words: str) -> None:
    assert words in await shown(world, query=query)


async def test_a_path_is_never_decoded(world: World) -> None:
    assert "/a%2Fb/%2e%2e//c" in await shown(world, path="/a%2Fb/%2e%2e//c")


async def test_a_long_path_is_shown_whole_where_one_decides_and_cut_in_the_list(world: World) -> None:
    path = "/" + "a" * 5000 + "/end"
    assert path in await shown(world, path=path)
    listed = (await (await world.signed_in("bob")).get("/")).text
    assert path not in listed
    assert "more characters" in listed


async def test_an_unchecked_body_is_said_in_words(world: World) -> None:
    text = await shown(world, body=b"", body_checked=False)
    assert "Body not checked. The rule leaves the body open: any body may be sent with this approval." in text
    assert "Body not checked" not in await shown(world)


async def test_no_body_may_not_be_added_to(world: World) -> None:
    assert "None. A body may not be added." in await shown(world, body=b"")


async def test_a_cut_body_says_so_before_and_at_the_cut(world: World) -> None:
    text = await shown(world, body=b"x" * 20_000, kept=b"x" * 4096)
    assert "15,904 of 20,000 bytes are not shown. An approval covers them as well." in text
    assert "… cut here, 15,904 more bytes" in text
    assert "not shown" not in await shown(world, body=b"x" * 4096)


async def test_a_body_that_is_not_kept_is_said_to_be_missing(world: World) -> None:
    text = await shown(world, body=b"x" * 20, kept=b"")
    assert "The body is not kept. An approval covers it." in text
    assert "bytes are not shown" not in text


async def test_ambiguous_json_is_pointed_out(world: World) -> None:
    assert "An object names twice: amount" in await shown(world, body=b'{"amount": 1, "amount": 1000}')


async def test_two_seats_say_who_is_missing(world: World) -> None:
    approvers = (Approver(ApproverKind.GROUP, "sre", count=2), Approver(ApproverKind.GROUP, "security"))
    text = await shown(world, approvers=approvers, uses=3)
    assert "0 of 3 approvals" in text
    assert "Waits for 2 of sre, security." in text
    assert "may run 3 times" in text


async def test_an_approved_ticket_says_until_when_it_may_be_used(world: World) -> None:
    ticket = await world.held()
    bob = await world.signed_in("bob")
    await bob.post(f"/tickets/{ticket.id}/vote", data=await vote_form(bob, ticket))
    text = all_text((await bob.get(f"/tickets/{ticket.id}")).text)
    assert "May be used until 2027-01-15T08:15:00Z in 15 minutes, 1 left." in text
    world.memory.now += 900_000
    assert "Lapsed" in all_text((await bob.get(f"/tickets/{ticket.id}")).text)
