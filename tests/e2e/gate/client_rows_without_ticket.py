"""What the client sees of a request without a ticket."""

from __future__ import annotations

from grpc import StatusCode

from authz.domain.client_view import APPROVED_DETAIL
from authz.domain.ticket import Choice
from tests.e2e.gate.client_kinds import Seen
from tests.e2e.gate.client_row import ENDED, HOLD, PENDING, SHORTLY, Table
from tests.e2e.gate.client_scene import CROWDED, Scene
from tests.support.gate_backing import BODY_LIMIT, fresh

WITHOUT_TICKET = Table()
row = WITHOUT_TICKET.row


@row(200, StatusCode.OK, hits=1)
def allowed(scene: Scene) -> Seen:
    scene.says({"allowed": True})
    seen = scene.send("", ("x-approval-id", "forged"))
    assert "x-approval-id" not in scene.received()[0]
    return seen


@row(200, StatusCode.OK, hits=1)
def allowed_without_redis(scene: Scene) -> Seen:
    scene.says({"allowed": True})
    with scene.without_redis():
        return scene.send()


@row(403, StatusCode.PERMISSION_DENIED, message="the policy says no")
def denied(scene: Scene) -> Seen:
    return scene.send(fresh("closed"))


@row(202, StatusCode.FAILED_PRECONDITION, "HELD", **PENDING)
def held(scene: Scene) -> Seen:
    return scene.send()


def held_with(http: int) -> None:
    def held_with_the_rules_status(scene: Scene) -> Seen:
        scene.demands(beside={"http_status": http})
        return scene.send()

    held_with_the_rules_status.__name__ += f"_{http}"
    row(http, StatusCode.FAILED_PRECONDITION, "HELD", **PENDING)(held_with_the_rules_status)


for each_status in (202, 403, 428, 503):
    held_with(each_status)


@row(428, StatusCode.FAILED_PRECONDITION, "HELD", **PENDING)
def held_with_the_status_for_all(scene: Scene) -> Seen:
    scene.demands(rule=f"rule-{scene.path.rpartition('/')[2]}")
    return scene.send(gate=scene.gates.strict)


@row(202, StatusCode.FAILED_PRECONDITION, "HELD", **PENDING)
def sent_again(scene: Scene) -> Seen:
    first, again = scene.hold(), scene.send()
    assert (again.id, again.ticket) == (first.id, first.ticket)
    return again


@row(
    202,
    StatusCode.FAILED_PRECONDITION,
    "HELD",
    members=HOLD,
    values={"state": "approved"},
    retry=(0,),
    message=APPROVED_DETAIL,
)
def sent_again_once_approved(scene: Scene) -> Seen:
    first, again = scene.approved(), scene.send()
    assert again.id == first.id
    return again


@row(200, StatusCode.OK, hits=1)
def sent_again_once_approved_where_equal_requests_pass(scene: Scene) -> Seen:
    scene.demands(redeem="repeat")
    scene.approved()
    return scene.send()


@row(200, StatusCode.OK, hits=1)
def waiting_until_the_vote(scene: Scene) -> Seen:
    ticket = scene.hold()
    with scene.waiting() as waiting:
        scene.vote(ticket)
        seen = waiting.result()
    assert "prefer" not in scene.received()[0]
    return seen


@row(202, StatusCode.FAILED_PRECONDITION, "HELD", **PENDING)
def waiting_never(scene: Scene) -> Seen:
    seen = scene.send("", ("prefer", "respond-async"))
    assert seen.headers["preference-applied"] == "respond-async"
    return seen


REJECTED = {"state": "rejected", "rejected_by": "Bob", "comment": "a comment"}


@row(403, StatusCode.PERMISSION_DENIED, "REJECTED", members=ENDED | REJECTED.keys(), values=REJECTED)
def sent_again_once_rejected(scene: Scene) -> Seen:
    scene.vote(scene.hold(), Choice.REJECT)
    return scene.send()


UNAVAILABLE = row(503, StatusCode.UNAVAILABLE, "UNAVAILABLE", retry=SHORTLY)


@UNAVAILABLE
def without_opa(scene: Scene) -> Seen:
    with scene.gate.backing.opa.refusing():
        return scene.send()


@UNAVAILABLE
def held_without_redis(scene: Scene) -> Seen:
    with scene.without_redis():
        return scene.send()


@UNAVAILABLE
def a_demand_that_cannot_be_read(scene: Scene) -> Seen:
    scene.demands(approvers=[])
    return scene.send()


@row(
    429,
    StatusCode.RESOURCE_EXHAUSTED,
    "TOO_MANY_TICKETS",
    members={"scope"},
    values={"scope": "rule"},
    retry=range(1, 3601),
)
def too_many(scene: Scene) -> Seen:
    for path in (first := fresh("hold"), scene.path):
        scene.demands(path, rule=CROWDED)
    scene.send(first, gate=scene.gates.strict)
    return scene.send(gate=scene.gates.strict)


@row(413, StatusCode.INVALID_ARGUMENT, "BODY_NOT_VISIBLE", members={"reason"})
def held_with_a_body_that_was_cut(scene: Scene) -> Seen:
    return scene.send(body=b"a" * (BODY_LIMIT + 1))


@row(503, StatusCode.UNAUTHENTICATED, "PRINCIPAL_UNKNOWN", retry=SHORTLY)
def of_a_shared_principal(scene: Scene) -> Seen:
    return scene.send(who="robot")


@row(428, StatusCode.FAILED_PRECONDITION, "JUSTIFICATION_REQUIRED", members={"rule"}, values={"rule": "hold"})
def without_saying_why(scene: Scene) -> Seen:
    scene.demands(justification="required")
    return scene.send()


@row(403, StatusCode.PERMISSION_DENIED, "BREAK_GLASS_REFUSED")
def not_theirs_to_break(scene: Scene) -> Seen:
    scene.says({"allowed": True, "approval": {"break_glass": {"group": "sre", "review_within": "24h"}}})
    return scene.send(who="dave")


@row(
    400,
    StatusCode.INVALID_ARGUMENT,
    "BAD_REQUEST",
    message="the query has a ';', which different readers understand differently",
)
def unreadable(scene: Scene) -> Seen:
    return scene.send(f"{scene.path}?a;b")
