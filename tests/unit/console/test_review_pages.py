from __future__ import annotations

import pytest

from authz.domain.approver import Approver, ApproverKind
from authz.domain.identity import Principal
from authz.domain.ticket import Choice, State
from authz.entrypoints.console import review_pages
from authz.entrypoints.console.csrf import form_token
from tests.unit.console.world import World, all_text, hidden, identity, vote_form


async def test_an_approver_approves_and_lands_on_the_ticket(world: World) -> None:
    ticket = await world.held()
    bob = await world.signed_in("bob")
    answer = await bob.post(
        f"/tickets/{ticket.id}/vote", data=await vote_form(bob, ticket) | {"comment": "fine"}
    )
    assert (answer.status_code, answer.headers["location"]) == (303, f"/tickets/{ticket.id}")
    after = await world.now(ticket)
    assert after.state is State.APPROVED
    vote = after.votes[0]
    assert (vote.identity, vote.person, vote.comment, vote.method) == (identity("bob"), "bob", "fine", "demo")
    assert vote.shown_digest == ticket.draft.fingerprint.payload_digest
    page = all_text((await bob.get(f"/tickets/{ticket.id}")).text)
    assert "Approved by Bob" in page
    assert "fine" in page
    assert "Approve this request" not in page


async def test_a_rejection_needs_a_comment_and_ends_it(world: World) -> None:
    ticket = await world.held()
    bob = await world.signed_in("bob")
    form = await vote_form(bob, ticket) | {"choice": "reject"}
    silent = await bob.post(f"/tickets/{ticket.id}/vote", data=form | {"comment": " \r\n "})
    assert silent.status_code == 422
    assert "Say in a few words why" in silent.text
    assert (await world.now(ticket)).state is State.PENDING
    answer = await bob.post(f"/tickets/{ticket.id}/vote", data=form | {"comment": "not\r\ntoday"})
    assert answer.status_code == 303
    after = await world.now(ticket)
    assert (after.state, after.votes[0].choice, after.votes[0].comment) == (
        State.REJECTED,
        Choice.REJECT,
        "not\ntoday",
    )


async def test_a_comment_that_is_too_long_is_given_back_to_be_shortened(world: World) -> None:
    ticket = await world.held()
    bob = await world.signed_in("bob")
    form = await vote_form(bob, ticket) | {"choice": "reject", "comment": "<n>" * 200}
    answer = await bob.post(f"/tickets/{ticket.id}/vote", data=form)
    assert answer.status_code == 422
    assert "600 characters" in answer.text
    assert "&lt;n&gt;" * 200 in answer.text


async def test_the_same_vote_twice_counts_once_and_is_no_error(world: World) -> None:
    ticket = await world.held(approvers=(Approver(ApproverKind.GROUP, "sre", count=2),))
    bob = await world.signed_in("bob")
    form = await vote_form(bob, ticket)
    answers = [await bob.post(f"/tickets/{ticket.id}/vote", data=form) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [303, 303]
    after = await world.now(ticket)
    assert (after.state, len(after.votes)) == (State.PENDING, 1)
    page = all_text((await bob.get(f"/tickets/{ticket.id}")).text)
    assert "1 of 2" in page
    assert "You have approved this." in page


@pytest.mark.parametrize(
    ("who", "sentence"),
    [
        ("alice", "You asked for this yourself, so somebody else has to decide."),
        ("dave", "This rule asks for other people than you."),
    ],
)
async def test_who_may_not_vote_gets_the_reason_instead_of_buttons(
    world: World, who: str, sentence: str
) -> None:
    ticket = await world.held()
    browser = await world.signed_in(who)
    html = (await browser.get(f"/tickets/{ticket.id}")).text
    assert sentence in all_text(html)
    assert "/vote" not in html
    # The control: an approver's page has the forms.
    assert "/vote" in (await (await world.signed_in("bob")).get(f"/tickets/{ticket.id}")).text


@pytest.mark.parametrize(
    ("who", "sentence"), [("alice", "asked for this yourself"), ("dave", "other people")]
)
async def test_a_forged_form_of_who_may_not_vote_is_refused_with_the_reason(
    world: World, who: str, sentence: str
) -> None:
    ticket = await world.held()
    browser = await world.signed_in(who)
    session_key = next(iter(world.sign_in.memory.open.values())).key
    digest = ticket.draft.fingerprint.payload_digest
    csrf = form_token(session_key, "vote", ticket.id, digest)
    answer = await browser.post(
        f"/tickets/{ticket.id}/vote", data={"csrf": csrf, "digest": digest, "choice": "approve"}
    )
    assert answer.status_code == 403
    assert sentence in all_text(answer.text)
    assert (await world.now(ticket)).votes == ()


async def test_a_stranger_to_the_directory_sees_no_requests_of_others(world: World) -> None:
    ticket = await world.held()
    eve = await world.signed_in("eve")
    answer = await eve.get(f"/tickets/{ticket.id}")
    assert answer.status_code == 403
    assert "api.example" not in answer.text
    assert "api.example" not in (await eve.get("/")).text


async def test_a_stranger_sees_their_own_request(world: World) -> None:
    ticket = await world.held(requester=Principal(identity("eve"), "eve"), requester_person=None)
    eve = await world.signed_in("eve")
    page = all_text((await eve.get(f"/tickets/{ticket.id}")).text)
    assert "You asked for this yourself" in page
    assert "0 of 2" in page  # one more, because the requester's own accounts are not known
    assert "api.example" in (await eve.get("/")).text


async def test_somebody_else_was_faster(world: World) -> None:
    ticket = await world.held()
    bob, carol = await world.signed_in("bob"), await world.signed_in("carol")
    late = await vote_form(carol, ticket)
    await bob.post(f"/tickets/{ticket.id}/vote", data=await vote_form(bob, ticket))
    answer = await carol.post(f"/tickets/{ticket.id}/vote", data=late)
    assert answer.status_code == 409
    assert "already approved" in answer.text
    assert len((await world.now(ticket)).votes) == 1


async def test_a_change_of_mind_is_refused(world: World) -> None:
    ticket = await world.held(approvers=(Approver(ApproverKind.GROUP, "sre", count=2),))
    bob = await world.signed_in("bob")
    form = await vote_form(bob, ticket)
    await bob.post(f"/tickets/{ticket.id}/vote", data=form)
    answer = await bob.post(f"/tickets/{ticket.id}/vote", data=form | {"choice": "reject", "comment": "no"})
    assert answer.status_code == 409
    assert "You already chose to approve this." in answer.text


async def test_past_its_deadline_a_ticket_shows_as_expired_and_takes_no_vote(world: World) -> None:
    ticket = await world.held()
    bob = await world.signed_in("bob")
    form = await vote_form(bob, ticket)
    world.memory.now = ticket.expires_at
    page = await bob.get(f"/tickets/{ticket.id}")
    assert "Expired" in page.text
    assert "/vote" not in page.text
    assert (await bob.post(f"/tickets/{ticket.id}/vote", data=form)).status_code == 409


async def test_the_list_has_first_what_one_can_decide(world: World) -> None:
    await world.held(path="/for-sre")
    await world.held(path="/for-security", approvers=(Approver(ApproverKind.GROUP, "security"),))
    html = (await (await world.signed_in("bob")).get("/")).text
    mine, _, others = html.partition("For others to decide")
    assert "/for-sre" in mine
    assert "/for-security" in others


async def test_the_list_tells_two_requests_to_one_address_apart(world: World) -> None:
    """By the first things that the policy points out, cut where they are long."""
    long = "a" * 61
    await world.held(body=b"1", show=(("Service", "web"), ("Version", long), ("Env", "prod"), ("More", "x")))
    await world.held(body=b"2", show=(("Service", "billing"),))
    shown = all_text((await (await world.signed_in("bob")).get("/")).text)
    assert "Service web" in shown
    assert "Service billing" in shown
    assert f"Version {long[:60]}… 1 more characters" in shown
    assert "Env prod" in shown
    assert "More" not in shown


async def test_the_list_is_bounded_and_goes_on(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(review_pages, "PAGE_SIZE", 2)
    for number in range(3):
        await world.held(path=f"/n{number}")
    bob = await world.signed_in("bob")
    first = (await bob.get("/")).text
    assert ("/n2" in first, "/n1" in first, "/n0" in first) == (True, True, False)
    second = (await bob.get("/", params={"before": "2"})).text
    assert ("/n0" in second, "/n1" in second) == (True, False)


async def test_decided_tickets_leave_the_list(world: World) -> None:
    ticket = await world.held()
    bob = await world.signed_in("bob")
    await bob.post(f"/tickets/{ticket.id}/vote", data=await vote_form(bob, ticket))
    assert "Nothing waits here" in (await bob.get("/")).text


@pytest.mark.parametrize("path", ["/", "/tickets/ID"])
async def test_without_a_session_nothing_is_shown_and_nothing_is_read(world: World, path: str) -> None:
    ticket = await world.held()
    world.memory.calls.clear()
    answer = await world.browser().get(path.replace("ID", ticket.id))
    assert answer.status_code == 401
    assert "Open the sign-in address" in answer.text
    assert "api.example" not in answer.text
    assert world.memory.calls == []


@pytest.mark.parametrize(
    "path", ["/tickets/0-" + "a" * 26, "/tickets/nonsense", "/tickets/..%2f..%2fetc", "/nowhere"]
)
async def test_unknown_things_are_404_pages(world: World, path: str) -> None:
    answer = await (await world.signed_in("bob")).get(path)
    assert answer.status_code == 404
    assert "text/html" in answer.headers["content-type"]


@pytest.mark.parametrize("what", ["memory", "directory"])
@pytest.mark.parametrize("path", ["/", "/tickets/ID"])
async def test_an_outage_is_a_503_page(world: World, what: str, path: str) -> None:
    ticket = await world.held()
    bob = await world.signed_in("bob")
    getattr(world, what).down = True
    answer = await bob.get(path.replace("ID", ticket.id))
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "5"
    assert "Try again in a moment" in answer.text
    assert "the test took" not in answer.text


async def test_an_outage_during_a_vote_says_what_is_uncertain(world: World) -> None:
    ticket = await world.held()
    bob = await world.signed_in("bob")
    form = await vote_form(bob, ticket)
    world.memory.down = True
    answer = await bob.post(f"/tickets/{ticket.id}/vote", data=form)
    assert answer.status_code == 503
    assert "not certain" in answer.text


async def test_an_unforeseen_failure_shows_nothing_of_itself(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def broken(_ticket_id: str) -> None:
        msg = "secret-of-the-request"
        raise RuntimeError(msg)

    ticket = await world.held()
    bob = await world.signed_in("bob")
    monkeypatch.setattr(world.memory, "load", broken)
    answer = await bob.get(f"/tickets/{ticket.id}")
    assert answer.status_code == 500
    assert "content-security-policy" in answer.headers
    logged = "".join(capsys.readouterr())
    assert "RuntimeError" in logged
    for text in (answer.text, logged):
        assert "secret-of-the-request" not in text
        assert "Traceback" not in text


async def test_sign_out_ends_the_session_on_the_server(world: World) -> None:
    bob = await world.signed_in("bob")
    stolen = dict(bob.cookies)
    answer = await bob.post(
        "/sign-out", data={"sign_out_token": hidden((await bob.get("/")).text, "sign_out_token")}
    )
    assert answer.status_code == 200
    thief = world.browser()
    thief.cookies.update(stolen)
    assert (await thief.get("/")).status_code == 401


async def test_sign_out_needs_the_sessions_own_form(world: World) -> None:
    bob = await world.signed_in("bob")
    carols = hidden((await (await world.signed_in("carol")).get("/")).text, "sign_out_token")
    assert (await bob.post("/sign-out", data={"sign_out_token": carols})).status_code == 403
    assert (await bob.get("/")).status_code == 200
