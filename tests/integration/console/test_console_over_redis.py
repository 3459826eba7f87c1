from __future__ import annotations

import asyncio

import pytest

from authz.domain.approver import Approver, ApproverKind
from authz.domain.ticket import State
from authz.entrypoints.console import review_pages
from tests.support.redis_server import RedisServer
from tests.unit.console.test_status import ask
from tests.unit.console.world import World, vote_form

pytestmark = pytest.mark.redis_server


async def test_a_vote_on_the_page_is_what_the_client_then_reads(real: World) -> None:
    ticket = await real.held(path=b"/\xff\xe2\x80\xae".decode("utf-8", "surrogateescape"))
    bob = await real.signed_in("bob")
    page = (await bob.get(f"/tickets/{ticket.id}")).text
    assert '/<span class="esc">\\xff\\u202e</span>' in page
    assert (await ask(real, ticket)).json()["state"] == "pending"
    answer = await bob.post(f"/tickets/{ticket.id}/vote", data=await vote_form(bob, ticket))
    assert answer.status_code == 303
    assert (await ask(real, ticket)).json()["state"] == "approved"
    assert (await real.now(ticket)).votes[0].person == "bob"


async def test_two_people_who_vote_at_once_both_count(real: World) -> None:
    ticket = await real.held(approvers=(Approver(ApproverKind.GROUP, "sre", count=2),))
    bob, carol = await real.signed_in("bob"), await real.signed_in("carol")
    forms = [await vote_form(one, ticket) for one in (bob, carol)]
    answers = await asyncio.gather(
        *(
            one.post(f"/tickets/{ticket.id}/vote", data=form)
            for one, form in zip((bob, carol), forms, strict=True)
        )
    )
    assert [answer.status_code for answer in answers] == [303, 303]
    after = await real.now(ticket)
    assert (after.state, len(after.votes)) == (State.APPROVED, 2)


async def test_the_list_pages_through_all_that_waits(real: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(review_pages, "PAGE_SIZE", 2)
    for number in range(5):
        await real.held(path=f"/number-{number}")
    bob = await real.signed_in("bob")
    seen: list[str] = []
    address: str | None = "/"
    for _ in range(5):
        if address is None:
            break
        html = (await bob.get(address)).text
        seen += [path for path in (f"/number-{number}" for number in range(5)) if path in html]
        address = html.partition('<a href="/?before=')[2].partition('"')[0] or None
        address = f"/?before={address}" if address else None
    assert sorted(seen) == [f"/number-{number}" for number in range(5)]


@pytest.mark.parametrize("cursor", ["0", "zzz", "9" * 100, "-", "a:b:c|d"])
async def test_a_made_up_cursor_is_no_error(real: World, cursor: str) -> None:
    await real.held()
    bob = await real.signed_in("bob")
    assert (await bob.get("/", params={"before": cursor})).status_code == 200


async def test_with_redis_gone_pages_and_status_are_503_and_come_back(
    real: World, redis_server: RedisServer
) -> None:
    ticket = await real.held()
    bob = await real.signed_in("bob")
    form = await vote_form(bob, ticket)
    redis_server.stop()
    answers = [
        await bob.get("/"),
        await bob.get(f"/tickets/{ticket.id}"),
        await bob.post(f"/tickets/{ticket.id}/vote", data=form),
        await ask(real, ticket),
    ]
    # People come back after a moment; a client does so as after any 503 for a check.
    told = [(one.status_code, one.headers["retry-after"]) for one in answers]
    assert told == [(503, "5")] * 3 + [(503, "1")]
    redis_server.start()
    assert (await bob.post(f"/tickets/{ticket.id}/vote", data=form)).status_code == 303
