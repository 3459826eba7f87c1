"""What the page of a ticket shows, and that no text in it becomes anything else than text."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import pytest

from authz.domain.approver import Approver, ApproverKind
from authz.domain.identity import Identity, Principal
from authz.domain.requirement import Demand, Risk
from authz.domain.sign_in import SignInRules
from authz.domain.ticket import Ending, State
from authz.entrypoints.console.demo_guard import DemoGuard
from tests.unit.console.world import World, all_text, identity, vote_form

SRE = Approver(ApproverKind.GROUP, "sre")
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
        "ol",
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
        {"justification": text},
        {"body_ignores": (text,)},
        {"scope": text},
        {"requester": Principal(Identity(text, text), text), "shared": True},
        {"approvers": (Approver(ApproverKind.USER, user=Identity(text, text)), SRE)},
        {"demands": (Demand(text, text, ((SRE,), (SRE,))), Demand("b", text, ((SRE,),)))},
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
    from jinja2.utils import LRUCache  # noqa: PLC0415 - as below
    from markupsafe import Markup  # noqa: PLC0415 - what a broken filter would use

    from authz.entrypoints.console import pages  # noqa: PLC0415 - patched here alone

    monkeypatch.setitem(pages._environment.filters, "wire", Markup)
    # Filters are looked up when a template, or what it imports, runs for the first time.
    monkeypatch.setattr(pages._environment, "cache", LRUCache(50))
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
async def test_why_somebody_took_it_back_stays_text(world: World, text: str) -> None:
    ticket = await world.held()
    ending = Ending(Identity(text, text), text, "", "demo", text)
    await world.memory.end(ticket.id, 1, State.CANCELLED, ending)
    bob = await world.signed_in("bob")
    html = (await bob.get(f"/tickets/{ticket.id}")).text
    assert inspect(html).tags <= ALLOWED
    assert "Cancelled by" in all_text(html)


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
    assert "Waits for 2 of sre; security." in text
    assert "may run 3 times" in text


async def test_a_deadline_counts_down_only_while_it_matters(world: World) -> None:
    ticket = await world.held()
    bob = await world.signed_in("bob")
    waiting = all_text((await bob.get(f"/tickets/{ticket.id}")).text)
    assert re.search(r"Decide until \S+Z in \d+ minutes", waiting)
    await bob.post(f"/tickets/{ticket.id}/vote", data=await vote_form(bob, ticket))
    decided = all_text((await bob.get(f"/tickets/{ticket.id}")).text)
    assert re.search(r"Deadline \S+Z +Payload", " ".join(decided.split()))


async def test_an_approved_ticket_says_until_when_it_may_be_used(world: World) -> None:
    ticket = await world.held()
    bob = await world.signed_in("bob")
    await bob.post(f"/tickets/{ticket.id}/vote", data=await vote_form(bob, ticket))
    text = all_text((await bob.get(f"/tickets/{ticket.id}")).text)
    assert "May be used until 2027-01-15T08:15:00Z in 15 minutes, 1 left." in text
    world.memory.now += 900_000
    assert "Lapsed" in all_text((await bob.get(f"/tickets/{ticket.id}")).text)


async def test_several_rules_stand_with_their_reasons_and_whom_they_ask(world: World) -> None:
    who = identity("carol")
    carol = Approver(ApproverKind.USER, user=who)
    demands = (
        Demand(
            "delete-production", "deletes", ((Approver(ApproverKind.GROUP, "sre", count=2), carol), (SRE,))
        ),
        Demand("on-sunday", "nobody is there", ((Approver(ApproverKind.ANY, count=3),),)),
    )
    text = await shown(world, demands=demands)
    assert "2 rules hold this; each has to be satisfied" in text
    for piece in (
        f"delete-production deletes asks for 2 of sre and {who.id} of {who.ns}or 1 of sre",
        "on-sunday nobody is there asks for any 3 people",
    ):
        assert piece in text


async def test_a_scope_is_a_warning_and_nothing_is_called_bound(world: World) -> None:
    text = await shown(world, scope="kubectl", uses=20)
    covered = "any request of rule delete-production and scope kubectl by this requester"
    assert f"Not only this request. An approval is good for {covered}" in text
    assert f"{covered}, 20 times, within 15m" in text
    assert "Approve all of these requests" in text
    for word in ("Bound headers", "have to stay absent", "What will run", "Approve this request"):
        assert word not in text
        assert word in await shown(world, path="/exact")


async def test_what_may_differ_in_the_body_is_a_warning(world: World) -> None:
    text = await shown(world, body_ignores=("/clientToken", "/a\u202e"))
    assert "Parts of the body may differ." in text
    assert "/clientToken, /a\\u202e: anything may be sent there." in text


async def test_the_requesters_own_words_are_marked_as_theirs(world: World) -> None:
    text = await shown(world, justification="Approved by\u202e Bob\nalready")
    assert "Why, in the requester's own words Approved by\\u202e Bob already" in text
    assert "Nobody has checked this." in text
    assert "own words" not in await shown(world, path="/silent")


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"requester_person": None}, "not known to the directory"),
        ({"requester_linked": False}, "whose other accounts the directory doesn't know"),
    ],
)
async def test_why_one_approval_more_is_needed_stands_beside_the_requester(
    world: World, changes: dict[str, object], why: str
) -> None:
    text = await shown(world, **changes)
    assert f"{why}: one approval more is needed" in text
    assert "0 of 2 approvals" in text
    assert "one approval more" not in await shown(world, path="/known")


async def test_a_shared_requester_is_nobody_in_particular(world: World) -> None:
    ci = Principal(Identity("spiffe", "ci"), "ci")
    text = await shown(world, requester=ci, requester_person=None, shared=True)
    assert "Nobody in particular whoever sends requests as ci: one approval more is needed" in text
    assert "0 of 2 approvals" in text


async def test_a_replaced_ticket_links_to_the_other(world: World) -> None:
    other = await world.held(path="/other")
    old = await world.held()
    world.memory.tickets[old.id] = replace(old, state=State.SUPERSEDED, replaced_by=other.id)
    html = (await (await world.signed_in("bob")).get(f"/tickets/{old.id}")).text
    assert f'<a href="/tickets/{other.id}">' in html


async def test_a_high_risk_says_what_sign_in_it_takes(guard: DemoGuard) -> None:
    """And shows no buttons to who hasn't one, but the way to sign in again."""
    weak = World(guard, sign_in_rules=SignInRules(frozenset({"passkey"})))
    ticket = await weak.held(risk=Risk.HIGH)
    html = (await (await weak.signed_in("bob")).get(f"/tickets/{ticket.id}")).text
    assert "whoever decides needs a strong sign-in of the last 5 minutes" in all_text(html)
    assert "This is a high risk: sign in again on the page" in all_text(html)
    assert '<a href="/demo/sign-in">Sign in again</a>' in html
    assert "/vote" not in html
    # The control: with a sign-in that is strong enough the buttons are there.
    strong = World(guard, sign_in_rules=SignInRules(frozenset({"demo"})))
    ticket = await strong.held(risk=Risk.HIGH)
    assert "/vote" in (await (await strong.signed_in("bob")).get(f"/tickets/{ticket.id}")).text
