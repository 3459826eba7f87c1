"""A vote is only taken from a page that we made, for this session, this ticket and this payload."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import suppress

import pytest
from starlette.applications import Starlette

from authz.domain.ticket import State
from authz.entrypoints.console import desk, form
from authz.entrypoints.console.host_list import HostList
from authz.entrypoints.console.security_headers import SECURITY_HEADERS, SecurityHeaders
from tests.unit.console.world import BROWSER, FORM, PUBLIC_URL, World, vote_form


async def test_no_get_or_head_changes_anything(world: World) -> None:
    """Every route is walked, with everything in the query that a form would send."""
    ticket = await world.held()
    bob = await world.signed_in("bob")
    fields = await vote_form(bob, ticket) | {"person": "carol", "comment": "x"}
    before = (dict(world.memory.tickets), list(world.memory.log), list(world.sign_in.memory.open))
    app = world.app
    while not isinstance(app, Starlette):
        assert isinstance(app, SecurityHeaders | HostList)
        app = app._app
    paths = [str(getattr(route, "path", "")).replace("{ticket_id}", ticket.id) for route in app.routes]
    paths.append(f"/.holdgate/tickets/{ticket.id}")
    assert f"/tickets/{ticket.id}/vote" in paths
    for path in paths:
        for method in ("GET", "HEAD"):
            for choice in ("approve", "reject"):
                await bob.request(method, path, params=fields | {"choice": choice})
    assert before == (
        dict(world.memory.tickets),
        list(world.memory.log),
        list(world.sign_in.memory.open),
    )
    assert "vote" not in world.memory.calls
    # The control: the same form, posted, does decide.
    await bob.post(f"/tickets/{ticket.id}/vote", data=fields)
    assert (await world.now(ticket)).state is State.APPROVED


@pytest.mark.parametrize(
    "csrf", ["missing", "empty", "garbage", "non-ascii", "other ticket", "other session", "other digest"]
)
async def test_a_form_that_this_page_did_not_make_is_refused(world: World, csrf: str) -> None:
    ticket, other = await world.held(), await world.held(path="/other")
    bob, carol = await world.signed_in("bob"), await world.signed_in("carol")
    fields = await vote_form(bob, ticket)
    match csrf:
        case "missing":
            del fields["csrf"]
        case "empty":
            fields["csrf"] = ""
        case "garbage":
            fields["csrf"] = "A" * 43
        case "non-ascii":
            fields["csrf"] = "é☃"
        case "other ticket":
            fields["csrf"] = (await vote_form(bob, other))["csrf"]
        case "other session":
            fields["csrf"] = (await vote_form(carol, ticket))["csrf"]
        case _:
            fields["digest"] = other.draft.fingerprint.payload_digest
    answer = await bob.post(f"/tickets/{ticket.id}/vote", data=fields)
    assert answer.status_code == 403
    assert (await world.now(ticket)).votes == ()


async def test_control_without_the_token_check_a_foreign_form_decides(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    ticket = await world.held()
    bob = await world.signed_in("bob")
    fields = await vote_form(bob, ticket) | {"csrf": "A" * 43}
    monkeypatch.setattr(desk, "is_form_token", lambda *_: True)
    await bob.post(f"/tickets/{ticket.id}/vote", data=fields)
    assert (await world.now(ticket)).state is State.APPROVED


async def test_a_form_for_another_payload_is_stale_even_with_a_token_for_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing changes a stored fingerprint; should something do so once, the vote still names what was shown."""
    ticket = await world.held()
    bob = await world.signed_in("bob")
    fields = await vote_form(bob, ticket) | {"digest": "0" * 64}
    monkeypatch.setattr(desk, "is_form_token", lambda *_: True)
    answer = await bob.post(f"/tickets/{ticket.id}/vote", data=fields)
    assert answer.status_code == 409
    assert "not what this ticket holds" in answer.text
    assert (await world.now(ticket)).votes == ()


FOREIGN = [
    {"origin": "https://evil.example"},
    {"origin": "null"},
    {"origin": "null", "sec-fetch-site": "cross-site"},
    {"origin": PUBLIC_URL, "sec-fetch-site": "cross-site"},
    {"origin": PUBLIC_URL, "sec-fetch-site": "same-site"},
    {"origin": PUBLIC_URL + ".evil.example"},
    {"origin": "https://127.0.0.1:8088"},
    {"origin": "http://127.0.0.1"},
    {"sec-fetch-site": "same-origin"},
    {},
]


@pytest.mark.parametrize("headers", FOREIGN, ids=str)
@pytest.mark.parametrize("path", ["vote", "sign-in", "sign-out"])
async def test_a_form_from_elsewhere_is_refused(world: World, headers: dict[str, str], path: str) -> None:
    ticket = await world.held()
    bob = await world.signed_in("bob")
    fields = await vote_form(bob, ticket)
    for name in BROWSER:
        del bob.headers[name]
    target = {"vote": f"/tickets/{ticket.id}/vote", "sign-in": "/demo/sign-in", "sign-out": "/sign-out"}[path]
    answer = await bob.post(target, data=fields | {"person": "carol"}, headers=headers)
    assert answer.status_code == 403
    assert "not sent from the review page" in answer.text
    assert (await world.now(ticket)).votes == ()


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": PUBLIC_URL},
        {"origin": PUBLIC_URL, "sec-fetch-site": "same-origin"},
        {"origin": "null", "sec-fetch-site": "same-origin"},
    ],
    ids=str,
)
async def test_a_form_from_our_page_is_taken(world: World, headers: dict[str, str]) -> None:
    ticket = await world.held()
    bob = await world.signed_in("bob")
    fields = await vote_form(bob, ticket)
    for name in BROWSER:
        del bob.headers[name]
    assert (await bob.post(f"/tickets/{ticket.id}/vote", data=fields, headers=headers)).status_code == 303


async def test_control_without_the_origin_check_a_form_from_elsewhere_decides(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    ticket = await world.held()
    bob = await world.signed_in("bob")
    fields = await vote_form(bob, ticket)
    monkeypatch.setattr(form, "check_origin", lambda *_: None)
    await bob.post(f"/tickets/{ticket.id}/vote", data=fields, headers={"origin": "https://evil.example"})
    assert (await world.now(ticket)).state is State.APPROVED


@pytest.mark.parametrize(
    ("kind", "body", "status"),
    [
        ("application/json", b'{"choice": "approve"}', 415),
        ("text/plain", b"choice=approve", 415),
        ("multipart/form-data; boundary=x", b"--x--", 415),
        ("", b"choice=approve", 415),
        (FORM["content-type"], b"choice=approve&choice=reject", 400),
        (FORM["content-type"], b"csrf=%ff%fe", 400),
        (FORM["content-type"], "csrf=é".encode(), 400),
        (FORM["content-type"], b"&".join(b"f%d=1" % number for number in range(50)), 400),
        (FORM["content-type"], b"comment=" + b"x" * 20_000, 413),
    ],
    ids=str,
)
async def test_only_a_small_readable_form_is_read(world: World, kind: str, body: bytes, status: int) -> None:
    ticket = await world.held()
    bob = await world.signed_in("bob")
    answer = await bob.post(f"/tickets/{ticket.id}/vote", content=body, headers={"content-type": kind})
    assert answer.status_code == status
    assert (await world.now(ticket)).votes == ()


async def test_an_endless_body_is_cut_off_at_the_bound(world: World) -> None:
    ticket = await world.held()
    bob = await world.signed_in("bob")
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while sent < 100_000_000:
            sent += 1024
            yield b"x" * 1024

    with suppress(Exception):  # the transport may complain that nobody read on
        answer = await bob.post(f"/tickets/{ticket.id}/vote", content=endless(), headers=FORM)
        assert answer.status_code == 413
    assert sent <= form.FormLimits().size + 2048


async def test_a_choice_that_is_none_is_refused(world: World) -> None:
    ticket = await world.held()
    bob = await world.signed_in("bob")
    fields = await vote_form(bob, ticket) | {"choice": "postpone"}
    assert (await bob.post(f"/tickets/{ticket.id}/vote", data=fields)).status_code == 400


@pytest.mark.parametrize(
    "host",
    ["evil.example", "127.0.0.1", "127.0.0.1:8089", "127.0.0.1:8088.evil.example", "", "localhost:8088"],
)
async def test_another_host_is_misdirected(world: World, host: str) -> None:
    bob = await world.signed_in("bob")
    answer = await bob.get("/", headers={"host": host})
    assert answer.status_code == 421
    assert "Waiting" not in answer.text


async def test_two_hosts_are_a_bad_request(world: World) -> None:
    bob = await world.signed_in("bob")
    headers = [("host", "127.0.0.1:8088"), ("host", "evil.example")]
    assert (await bob.get("/", headers=headers)).status_code == 400


async def test_control_without_the_host_list_a_foreign_name_gets_the_page(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    bob = await world.signed_in("bob")

    async def pass_on(self: HostList, *arguments: object) -> None:
        await self._app(*arguments)  # type: ignore[arg-type] # as they came

    monkeypatch.setattr(HostList, "__call__", pass_on)
    assert (await bob.get("/", headers={"host": "evil.example"})).status_code == 200


async def test_every_answer_carries_the_security_headers(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: object) -> None:
        raise RuntimeError

    ticket = await world.held()
    bob = await world.signed_in("bob")
    answers = [
        await bob.get("/"),
        await bob.get(f"/tickets/{ticket.id}"),
        await bob.get("/static/console.css"),
        await bob.get("/static/nothing.css"),
        await bob.get("/nowhere"),
        await bob.put("/"),
        await bob.get("/", headers={"host": "evil.example"}),
        await bob.get(f"/.holdgate/tickets/{ticket.id}"),
        await bob.post(f"/tickets/{ticket.id}/vote", data=await vote_form(bob, ticket)),
        await world.browser().get("/"),
    ]
    monkeypatch.setattr(world.memory, "page", broken)
    answers.append(await bob.get("/"))
    assert [answer.status_code for answer in answers] == [
        200,
        200,
        200,
        404,
        404,
        405,
        421,
        403,
        303,
        401,
        500,
    ]
    for answer in answers:
        assert SECURITY_HEADERS.items() <= dict(answer.headers).items(), answer.url


def test_the_content_policy_allows_no_script_and_no_framing() -> None:
    words = SECURITY_HEADERS["content-security-policy"].split("; ")
    assert "default-src 'none'" in words
    assert "frame-ancestors 'none'" in words
    assert not any("script" in word or "unsafe" in word or "*" in word for word in words)
