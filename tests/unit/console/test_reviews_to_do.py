"""The front page says how many uses of break-glass wait for the person who looks at it."""

from __future__ import annotations

import pytest

from authz.domain.identity import Principal
from authz.entrypoints.console import review_pages
from authz.services.permissions import Action
from authz.services.reviewing import ReviewingService
from authz.services.voting import SignedIn
from tests.unit.console.world import World, all_text, identity

ONE, TWO = "1 use of break-glass waits for your review", "2 uses of break-glass wait for your review"


async def front(world: World, name: str, path: str = "/") -> str:
    answer = await (await world.signed_in(name)).get(path)
    assert answer.status_code == 200
    return answer.text


async def test_open_reviews_are_counted_and_lead_to_the_list(world: World) -> None:
    """Those that are done are not; nor is there a line without any."""
    assert "your review" not in await front(world, "bob")
    first = await world.broken_glass(1)
    html = await front(world, "bob")
    assert ONE in all_text(html)
    assert f'<a href="/break-glass">{ONE}</a>' in html
    await world.broken_glass(2)
    assert TWO in all_text(await front(world, "bob"))
    bob = await world.voting.actor(SignedIn(identity("bob"), "bob", "demo", 0))
    await world.reviewing.finish(first.id, bob, "was needed")
    assert ONE in all_text(await front(world, "bob"))


@pytest.mark.parametrize("name", ["alice", "eve"])
async def test_ones_own_are_not_counted_nor_any_for_a_stranger(world: World, name: str) -> None:
    """And the rule isn't asked: the code refuses them whatever it says."""
    await world.broken_glass()
    world.rule.asked.clear()
    assert "your review" not in await front(world, name)
    assert not world.rule.asked


@pytest.mark.parametrize("action", [Action.VIEW, Action.REVIEW])
async def test_those_that_the_rule_keeps_somebody_from_are_not_counted(world: World, action: Action) -> None:
    kept, _ = await world.broken_glass(1), await world.broken_glass(2)
    world.rule.denied = {(action, kept.id)}
    assert ONE in all_text(await front(world, "bob"))


async def test_control_without_the_question_all_of_them_would_be(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def all_of_them(*_: object) -> bool:
        return True

    await world.broken_glass()
    monkeypatch.setattr(ReviewingService, "may_finish", all_of_them)
    assert ONE in all_text(await front(world, "alice"))


async def test_the_count_is_bounded_and_says_so(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """So is what the rule is asked for one look at the page."""
    monkeypatch.setattr(review_pages, "REVIEWS_COUNTED", 2)
    for number in range(3):
        await world.broken_glass(number)
    world.rule.asked.clear()
    assert "2 or more uses of break-glass wait for your review" in all_text(await front(world, "bob"))
    assert len(world.rule.asked) == 4
    assert "Many uses of break-glass wait for a review" in all_text(await front(world, "alice"))


async def test_one_of_those_counted_among_others_reads_as_one_or_more(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(review_pages, "REVIEWS_COUNTED", 2)
    await world.broken_glass(1)
    await world.broken_glass(2, requester=Principal(identity("bob"), "bob"), person="bob")
    assert "1 or more uses of break-glass wait for your review" in all_text(await front(world, "bob"))


async def test_further_pages_don_t_count_again(world: World) -> None:
    await world.broken_glass()
    assert "your review" not in await front(world, "bob", "/?before=0")


async def test_an_outage_is_said_and_not_shown_as_none(world: World) -> None:
    world.reviews.down = True
    answer = await (await world.signed_in("bob")).get("/")
    assert answer.status_code == 503
