from __future__ import annotations

import unicodedata

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import given, settings
from hypothesis import strategies as st

from authz.entrypoints.cli.tickets import review_text, ticket_text
from authz.wire.holdgate.v1 import approvals_pb2 as wire

HIDING = {"Cc", "Cf", "Co", "Cn", "Cs", "Zl", "Zp"}

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
WHO = st.builds(wire.Identity, ns=TEXT, id=TEXT, name=TEXT)
ENDINGS = st.builds(wire.Ending, by=WHO, comment=TEXT)
SEATS = st.one_of(st.builds(wire.Seat, group=TEXT), st.builds(wire.Seat, user=WHO))
DEMANDS = st.builds(
    wire.Demand,
    rule=TEXT,
    reason=TEXT,
    alternatives=st.lists(st.builds(wire.Seats, seats=st.lists(SEATS, max_size=2)), max_size=2),
)
TICKETS = st.builds(
    wire.Ticket,
    id=TEXT,
    short_code=TEXT,
    rule=TEXT,
    reason=TEXT,
    digest=TEXT,
    requester=st.builds(wire.Identity, ns=TEXT, id=TEXT, name=TEXT),
    request=st.builds(
        wire.RequestSummary,
        method=TEXT,
        scheme=TEXT,
        host=TEXT,
        path=TEXT,
        query=TEXT,
        headers=st.lists(st.builds(wire.Header, name=TEXT, value=st.binary(max_size=60)), max_size=2),
        body=st.binary(max_size=200),
    ),
    justification=TEXT,
    ending=ENDINGS,
    replaced_by=TEXT,
    demands=st.lists(DEMANDS, max_size=2),
    grant=st.builds(wire.Grant, scope=TEXT, body_ignores=st.lists(TEXT, max_size=2)),
    progress=st.builds(wire.Progress, awaiting=st.lists(TEXT, max_size=2)),
    facts=st.lists(st.builds(wire.Fact, title=TEXT, value=TEXT), max_size=2),
    votes=st.lists(
        st.builds(wire.CastVote, by=st.builds(wire.Identity, ns=TEXT, id=TEXT, name=TEXT), comment=TEXT),
        max_size=2,
    ),
)


def _safe(text: str) -> bool:
    """Say whether a terminal shows every character of a text, where it stands, line breaks aside."""
    return not any(unicodedata.category(char) in HIDING for char in text.replace("\n", ""))


def _ticket(**different: object) -> wire.Ticket:
    ticket = wire.Ticket(
        id="0-abc",
        short_code="ABC-DEF",
        state=wire.STATE_PENDING,
        rule="delete-production",
        reason="deletes a production resource",
        digest="d" * 64,
        requester=wire.Identity(ns="https://idp.example", id="alice-1", name="alice"),
        request=wire.RequestSummary(
            method="DELETE",
            scheme="https",
            host="api.example",
            path="/db",
            query="?force=true",
            headers=[wire.Header(name="content-type", value=b"text/plain")],
            body=b"one\ntwo",
            body_size=7,
            body_checked=True,
        ),
        progress=wire.Progress(given=0, needed=1, awaiting=["sre"]),
        facts=[wire.Fact(title="Cluster", value="prod-eu")],
        created_at=Timestamp(seconds=1_700_000_000),
        expires_at=Timestamp(seconds=1_700_001_800),
    )
    ticket.MergeFrom(wire.Ticket(**different))  # type: ignore[arg-type]  # a test names real fields
    return ticket


@settings(deadline=None)  # the machine may be busy
@given(TICKETS)
def test_no_text_of_others_moves_the_cursor_turns_the_text_or_hides(ticket: wire.Ticket) -> None:
    event = wire.Event(id=ticket.id, type=ticket.rule, ticket_id=ticket.digest, ticket=ticket)
    review = wire.Review(
        id=ticket.id,
        rule=ticket.rule,
        reason=ticket.reason,
        group=ticket.digest,
        requester=ticket.requester,
        request=ticket.request,
        justification=ticket.justification,
        facts=ticket.facts,
        done=ticket.ending,
        done_at=Timestamp(seconds=1),
    )
    for shown in (
        review_text.details(review),
        review_text.table([review]),
        review_text.standing(review),
        ticket_text.details(ticket),
        ticket_text.table([ticket, ticket]),
        ticket_text.event_line(event),
        ticket_text.standing(ticket),
    ):
        assert _safe(shown), shown


def test_text_printed_as_it_came_would() -> None:
    """Control: what the test above looks for is found in unescaped text."""
    assert not _safe("\x1b[2J")
    assert not _safe("\u202egnp.exe")
    assert not _safe("a\u200bb")


@settings(deadline=None)  # the machine may be busy
@given(TICKETS)
def test_a_ticket_is_one_line_of_a_list_and_of_a_watch(ticket: wire.Ticket) -> None:
    assert len(ticket_text.table([ticket]).split("\n")) == 2
    assert "\n" not in ticket_text.event_line(wire.Event(ticket=ticket))


def test_nothing_of_others_begins_a_line_of_ours() -> None:
    """A comment or a body that imitates the field `digest` stays within its own field."""
    forged = _ticket(reason="x\ndigest    " + "0" * 64)
    forged.request.body = b"{}\ndigest    " + b"0" * 64
    lines = ticket_text.details(forged).split("\n")
    assert [line for line in lines if line.startswith("digest")] == ["digest    " + "d" * 64]


def test_everything_to_decide_on_is_shown() -> None:
    assert ticket_text.details(_ticket()).split("\n") == [
        "ticket    0-abc  (ABC-DEF)",
        "state     pending, 0 of 1, awaiting sre",
        "asked by  alice (alice-1 of https://idp.example)",
        "request   DELETE https://api.example/db?force=true",
        "header    content-type: text/plain",
        "body      7 bytes, bound to the approval",
        "rule      delete-production",
        "reason    deletes a production resource",
        "fact      Cluster: prod-eu",
        "created   2023-11-14T22:13:20Z",
        "expires   2023-11-14T22:43:20Z",
        "digest    " + "d" * 64,
        "  | one",
        "  | two",
    ]


def test_what_a_rule_may_demand_is_shown_in_words() -> None:
    sre = wire.Seat(group="sre", count=2)
    carol = wire.Seat(user=wire.Identity(ns="https://idp.example", id="carol-1"), count=1)
    anybody = wire.Seat(anybody=True, count=1)
    demands = [
        wire.Demand(
            rule="delete-production",
            reason="deletes",
            alternatives=[wire.Seats(seats=[sre, carol]), wire.Seats(seats=[anybody])],
        ),
        wire.Demand(rule="on-sunday", alternatives=[wire.Seats(seats=[wire.Seat(anybody=True, count=3)])]),
    ]
    lines = ticket_text.details(
        _ticket(
            demands=demands,
            risk=wire.RISK_HIGH,
            justification="please\ndigest    " + "0" * 64,
            shared=True,
            replaced_by="0-def",
            ending=wire.Ending(by=wire.Identity(ns="n", id="alice-1"), comment="no more"),
            grant=wire.Grant(
                uses=3, valid_for=Duration(seconds=900), scope="kubectl", body_ignores=["/clientToken"]
            ),
        )
    ).split("\n")
    for line in (
        "replaced  by 0-def",
        "ended     by alice-1 of n: no more",
        "asked by  nobody in particular: alice (alice-1 of https://idp.example)",
        "ignored   /clientToken in the body may differ",
        "rule      delete-production",
        "asks for  2 of sre and carol-1 of https://idp.example; or anybody",
        "rule      on-sunday",
        "asks for  any 3 people",
        "risk      high: a vote needs a strong and recent sign-in",
        "they say  please ↵ digest    " + "0" * 64,
        (
            "grants    NOT ONLY THIS: any request of this rule and scope kubectl by this requester, "
            "3 times, within 15m"
        ),
        "digest    " + "d" * 64,
    ):
        assert line in lines


def test_a_body_that_is_not_bound_says_so() -> None:
    ticket = _ticket()
    ticket.request.body_checked = False
    assert "NOT bound to the approval" in ticket_text.details(ticket)


def test_long_text_is_cut_and_the_cut_is_named() -> None:
    ticket = _ticket()
    ticket.request.path = "/" + "p" * 3000
    ticket.request.body = b"b" * 5000
    shown = ticket_text.details(ticket)
    assert "more characters)" in shown
    assert "… 1000 more characters" in shown
    assert len(ticket_text.table([ticket]).split("\n")[1]) < 400


def test_the_columns_of_a_list_stand_below_each_other() -> None:
    lines = ticket_text.table([_ticket(), _ticket(rule="-and-more")]).split("\n")
    starts = {line.index(word) for line, word in zip(lines, ["REQUEST", "DELETE", "DELETE"], strict=True)}
    assert len(starts) == 1


def test_protocol_text_is_exact() -> None:
    assert ticket_text.raw("/a b\u00e9\u202e\x1b\udcff") == r"/a b\xe9\u202e\x1b\xff"
