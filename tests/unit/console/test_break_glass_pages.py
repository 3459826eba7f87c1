from __future__ import annotations

import re
from dataclasses import replace

import pytest

from authz.domain.identity import Identity, Principal
from authz.domain.ticket import Ending
from authz.entrypoints.console import break_glass_pages, desk, form
from authz.services import reviewing
from authz.services.permissions import Action
from tests.support.sample_reviews import GLASS
from tests.support.sample_tickets import REQUEST
from tests.unit.console.test_form_security import FOREIGN
from tests.unit.console.test_ticket_page import ALLOWED, ATTRIBUTES, CORPUS, inspect
from tests.unit.console.world import BROWSER, World, all_text, hidden, identity


async def finding(browser: object, review_id: str) -> dict[str, str]:
    html = (await browser.get(f"/break-glass/{review_id}")).text  # type: ignore[attr-defined] # httpx's
    return {"csrf": hidden(html, "csrf"), "digest": hidden(html, "digest"), "comment": "was\r\nneeded"}


async def test_open_ones_are_listed_by_when_they_are_due_and_late_ones_marked(world: World) -> None:
    first = await world.broken_glass(1)
    world.reviews.now += 1000
    second = await world.broken_glass(2)
    bob = await world.signed_in("bob")
    html = (await bob.get("/break-glass")).text
    assert html.index(first.id) < html.index(second.id)
    assert "Overdue" not in html
    world.reviews.now = first.due_at
    html = (await bob.get("/break-glass")).text
    assert html.count("Overdue") == 1
    assert html.index("Overdue") < html.index(second.id)


async def test_a_review_is_finished_with_a_comment_and_leaves_the_list(world: World) -> None:
    review = await world.broken_glass()
    bob = await world.signed_in("bob")
    fields = await finding(bob, review.id)
    silent = await bob.post(f"/break-glass/{review.id}/review", data=fields | {"comment": " "})
    assert silent.status_code == 422
    assert world.reviews.kept[review.id].done_at is None
    answer = await bob.post(f"/break-glass/{review.id}/review", data=fields)
    assert (answer.status_code, answer.headers["location"]) == (303, f"/break-glass/{review.id}")
    done = world.reviews.kept[review.id].done_by
    assert done is not None
    assert (done.identity, done.comment, done.method) == (identity("bob"), "was\nneeded", "demo")
    assert "Reviewed by Bob" in all_text((await bob.get(f"/break-glass/{review.id}")).text)
    assert "Nothing waits for a review" in (await bob.get("/break-glass")).text
    again = await (await world.signed_in("carol")).get(f"/break-glass/{review.id}")
    assert "/review" not in again.text


async def test_the_page_shows_what_ran_who_and_why(world: World) -> None:
    review = await world.broken_glass()
    text = re.sub(
        r"\s+", " ", all_text((await (await world.signed_in("bob")).get(f"/break-glass/{review.id}")).text)
    )
    for piece in (
        "DELETE https://api.example/resources/db-orders?force=true",
        "the database is down",
        "As one of sre",
        "Why, in the requester's own words paged at three, orders are failing",
        "Incident INC-7",
        "Nobody approved it.",
    ):
        assert piece in text
    for word in ("Bound", "An approval covers", "may not be added"):
        assert word not in text


@pytest.mark.parametrize("text", CORPUS)
async def test_no_text_becomes_markup(world: World, text: str) -> None:
    bob = await world.signed_in("bob")
    review = await world.broken_glass(
        requester=Principal(Identity(text, text), text),
        justification=text,
        request=replace(REQUEST, path=text, headers=((text, text.encode()),), body_size=0),
        break_glass=replace(GLASS, reason=text, group=text, show=((text, text),)),
    )
    fields = await finding(bob, review.id) | {"comment": text}
    for _ in range(2):
        for path in ("/break-glass", f"/break-glass/{review.id}"):
            answer = await bob.get(path)
            assert answer.status_code == 200
            found = inspect(answer.text)
            assert found.tags <= ALLOWED
            assert found.attributes.keys() <= ATTRIBUTES
        await bob.post(f"/break-glass/{review.id}/review", data=fields)


async def test_who_broke_the_glass_finds_no_form_and_is_refused(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    review = await world.broken_glass()
    alice = await world.signed_in("alice")
    html = (await alice.get(f"/break-glass/{review.id}")).text
    assert "You did this yourself" in all_text(html)
    assert "/review" not in html
    monkeypatch.setattr(desk, "is_form_token", lambda *_: True)
    answer = await alice.post(f"/break-glass/{review.id}/review", data={"comment": "fine"})
    assert answer.status_code == 403
    assert world.reviews.kept[review.id].done_at is None
    # The control: with the service's rule taken out the same form finishes it.
    bob = await world.voting.actor(next(iter(world.sign_in.memory.open.values())).signed_in)
    monkeypatch.setattr(reviewing, "_finding", lambda *_: Ending(bob.identity, "", "", "", "fine"))
    await alice.post(f"/break-glass/{review.id}/review", data={"comment": "fine"})
    assert world.reviews.kept[review.id].done_at is not None


@pytest.mark.parametrize("csrf", ["garbage", "other session", "other review"])
async def test_a_form_that_this_page_did_not_make_is_refused(world: World, csrf: str) -> None:
    review, other = await world.broken_glass(1), await world.broken_glass(2)
    bob = await world.signed_in("bob")
    fields = await finding(bob, review.id)
    match csrf:
        case "garbage":
            fields["csrf"] = "A" * 43
        case "other session":
            fields["csrf"] = (await finding(await world.signed_in("carol"), review.id))["csrf"]
        case _:
            fields["csrf"] = (await finding(bob, other.id))["csrf"]
    assert (await bob.post(f"/break-glass/{review.id}/review", data=fields)).status_code == 403
    assert world.reviews.kept[review.id].done_at is None


@pytest.mark.parametrize("headers", FOREIGN, ids=str)
async def test_a_form_from_elsewhere_is_refused(
    world: World, headers: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    review = await world.broken_glass()
    bob = await world.signed_in("bob")
    fields = await finding(bob, review.id)
    for name in BROWSER:
        del bob.headers[name]
    answer = await bob.post(f"/break-glass/{review.id}/review", data=fields, headers=headers)
    assert answer.status_code == 403
    assert world.reviews.kept[review.id].done_at is None
    # The control.
    monkeypatch.setattr(form, "check_origin", lambda *_: None)
    await bob.post(f"/break-glass/{review.id}/review", data=fields, headers=headers)
    assert world.reviews.kept[review.id].done_at is not None


async def test_the_operators_rule_says_who_may_look_and_finish(world: World) -> None:
    review = await world.broken_glass()
    bob = await world.signed_in("bob")
    fields = await finding(bob, review.id)
    world.rule.denied, world.rule.reason = {Action.REVIEW}, "Ask the duty manager."
    answer = await bob.post(f"/break-glass/{review.id}/review", data=fields)
    assert answer.status_code == 403
    assert "Ask the duty manager." in answer.text
    world.rule.denied = {Action.VIEW}
    assert review.id not in (await bob.get("/break-glass")).text
    answer = await bob.get(f"/break-glass/{review.id}")
    assert answer.status_code == 403
    assert "api.example" not in answer.text
    assert world.reviews.kept[review.id].done_at is None


async def test_a_stranger_sees_none(world: World) -> None:
    review = await world.broken_glass()
    eve = await world.signed_in("eve")
    assert "api.example" not in (await eve.get("/break-glass")).text
    assert (await eve.get(f"/break-glass/{review.id}")).status_code == 403


@pytest.mark.parametrize("path", ["/break-glass/nonsense", "/break-glass/0-" + "a" * 26])
async def test_unknown_ones_are_404_pages(world: World, path: str) -> None:
    bob = await world.signed_in("bob")
    assert (await bob.get(path)).status_code == 404
    review = await world.broken_glass()
    fields = await finding(bob, review.id)
    assert (await bob.post(f"{path}/review", data=fields)).status_code in {403, 404}


async def test_without_a_session_nothing_is_read(world: World) -> None:
    review = await world.broken_glass()
    world.reviews.calls = 0
    for path in ("/break-glass", f"/break-glass/{review.id}"):
        assert (await world.browser().get(path)).status_code == 401
    assert world.reviews.calls == 0


async def test_an_outage_is_a_503_page(world: World) -> None:
    review = await world.broken_glass()
    bob = await world.signed_in("bob")
    fields = await finding(bob, review.id)
    world.reviews.down = True
    assert (await bob.get("/break-glass")).status_code == 503
    answer = await bob.post(f"/break-glass/{review.id}/review", data=fields)
    assert answer.status_code == 503
    assert "not certain" in answer.text


async def test_the_list_is_bounded_and_says_so(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(break_glass_pages, "PAGE_SIZE", 2)
    for number in range(3):
        await world.broken_glass(number)
    html = (await (await world.signed_in("bob")).get("/break-glass")).text
    assert html.count("/break-glass/") == 2
    assert "These are the 2 that are due first." in html
