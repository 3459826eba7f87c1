"""What the client sees of a request that presents a ticket."""

from __future__ import annotations

from grpc import StatusCode

from authz.domain.ticket import Choice
from authz.domain.token import TokenMint, ticket_id
from authz.settings_loader import load_settings
from tests.e2e.gate.client_kinds import Seen
from tests.e2e.gate.client_row import ENDED, PENDING, SHORTLY, Table
from tests.e2e.gate.client_scene import Scene
from tests.support.gate import TICKET
from tests.support.gate_backing import BODY_LIMIT

WITH_TICKET = Table()
row = WITH_TICKET.row

REJECTED = {"state": "rejected", "rejected_by": "Bob", "comment": "a comment"}


@row(202, StatusCode.FAILED_PRECONDITION, "HELD", **PENDING)
def pending(scene: Scene) -> Seen:
    return scene.present(scene.hold())


@row(200, StatusCode.OK, hits=1)
def approved(scene: Scene) -> Seen:
    ticket = scene.approved()
    seen = scene.present(ticket)
    (received,) = scene.received()
    assert received["x-approval-id"] == ticket.id
    assert received["x-approval-by"] == '"https%3A%2F%2Fissuer.demo.holdgate.invalid:bob"'
    assert TICKET not in received
    return seen


@row(403, StatusCode.PERMISSION_DENIED, "REJECTED", members=ENDED | REJECTED.keys(), values=REJECTED)
def rejected(scene: Scene) -> Seen:
    ticket = scene.hold()
    scene.vote(ticket, Choice.REJECT)
    return scene.present(ticket)


@row(403, StatusCode.PERMISSION_DENIED, "EXPIRED", members=ENDED, values={"state": "expired"})
def expired(scene: Scene) -> Seen:
    scene.demands(expires_in="1s")
    ticket = scene.hold()
    scene.await_state(ticket, "expired")
    return scene.present(ticket)


@row(403, StatusCode.PERMISSION_DENIED, "LAPSED", members=ENDED, values={"state": "lapsed"})
def lapsed(scene: Scene) -> Seen:
    scene.demands(grant={"valid_for": "1s"})
    ticket = scene.approved()
    scene.await_state(ticket, "lapsed")
    return scene.present(ticket)


@row(
    403,
    StatusCode.PERMISSION_DENIED,
    "CANCELLED",
    members=ENDED | {"ended_by", "comment"},
    values={"state": "cancelled", "ended_by": "Alice", "comment": "not needed"},
)
def cancelled(scene: Scene) -> Seen:
    ticket = scene.hold()
    scene.cancel(ticket)
    return scene.present(ticket)


@row(
    403,
    StatusCode.PERMISSION_DENIED,
    "REVOKED",
    members=ENDED | {"ended_by", "comment"},
    values={"state": "revoked", "ended_by": "Carol", "comment": "changed our minds"},
)
def revoked(scene: Scene) -> Seen:
    ticket = scene.approved()
    scene.revoke(ticket)
    return scene.present(ticket)


@row(
    403,
    StatusCode.PERMISSION_DENIED,
    "USED_UP",
    members=ENDED | {"used_by"},
    values={"state": "used_up"},
    hits=1,
)
def used_up(scene: Scene) -> Seen:
    ticket = scene.approved()
    scene.present(ticket)
    seen = scene.present(ticket)
    assert '"request_id":"' in seen.members["used_by"]
    return seen


@row(202, StatusCode.FAILED_PRECONDITION, "HELD", **PENDING)
def superseded(scene: Scene) -> Seen:
    ticket = scene.hold()
    scene.demands(approvers=[{"group": "developers"}])
    newer = scene.send()
    seen = scene.present(ticket)
    assert ticket.id != seen.id == newer.id
    return seen


@row(
    409,
    StatusCode.ABORTED,
    "REQUEST_CHANGED",
    members={"id", "changed"},
    values={"changed": '["body"]'},
)
def changed(scene: Scene) -> Seen:
    ticket = scene.approved()
    seen = scene.present(ticket, body=b"another")
    assert (seen.id, scene.uses_left(ticket)) == (ticket.id, 1)
    return seen


REFUSED = row(403, StatusCode.PERMISSION_DENIED, "TICKET_REFUSED")


@REFUSED
def forged(scene: Scene) -> Seen:
    name, token = scene.approved().ticket
    return scene.send("", (name, token[:-2] + "-A"))


@REFUSED
def unknown(scene: Scene) -> Seen:
    mint = TokenMint(load_settings(scene.gate.environ).keys)
    return scene.send("", (TICKET, mint.mint(ticket_id(0, b"\x07" * 16))))


@REFUSED
def malformed(scene: Scene) -> Seen:
    return scene.send("", (TICKET, "nonsense"))


@REFUSED
def doubled(scene: Scene) -> Seen:
    ticket = scene.approved().ticket
    return scene.send("", ticket, ticket)


@REFUSED
def another_principals(scene: Scene) -> Seen:
    return scene.present(scene.approved(), who="carol")


@REFUSED
def refused_though_the_policy_allows(scene: Scene) -> Seen:
    scene.says({"allowed": True})
    return scene.send("", (TICKET, "nonsense"))


@row(403, StatusCode.PERMISSION_DENIED, message="frozen")
def denied_now(scene: Scene) -> Seen:
    ticket = scene.approved()
    scene.says({"allowed": False, "body": "frozen"})
    seen = scene.present(ticket)
    assert scene.uses_left(ticket) == 1
    return seen


@row(503, StatusCode.UNAVAILABLE, "UNAVAILABLE", retry=SHORTLY)
def redeemed_without_redis(scene: Scene) -> Seen:
    ticket = scene.approved()
    with scene.without_redis():
        return scene.present(ticket)


@row(413, StatusCode.INVALID_ARGUMENT, "BODY_NOT_VISIBLE", members={"reason"})
def redeemed_with_a_body_that_was_cut(scene: Scene) -> Seen:
    ticket = scene.approved()
    seen = scene.present(ticket, body=b"a" * (BODY_LIMIT + 1))
    assert scene.uses_left(ticket) == 1
    return seen
