"""What to do about the problems of a request that has a ticket."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from authz.domain.advice import AGENT_STOPS, Advice
from authz.domain.problems import Problem

_ID: Final = "0-mzxw6ytboi4dqnzvgm2tcmjq4y"
_TICKET: Final[Mapping[str, object]] = {
    "id": _ID,
    "state": "pending",
    "rule": "delete-production",
    "reason": "deletes a production resource",
    "created_at": "2027-03-01T09:00:00Z",
    "expires_at": "2027-03-01T09:30:00Z",
    "retry_after": 5,
    "progress": {"given": 0, "needed": 1, "awaiting": ["sre"]},
    "links": {
        "status": f"/.holdgate/tickets/{_ID}",
        "review": f"https://approvals.example/tickets/{_ID}",
    },
}
_APPROVED: Final[Mapping[str, object]] = {
    **_TICKET,
    "state": "approved",
    "retry_after": 0,
    "progress": {"given": 1, "needed": 1, "awaiting": list[str]()},
}


def _ended(state: str, *, given: int = 0, **more: object) -> Mapping[str, object]:
    progress = {"given": given, "needed": 1, "awaiting": list[str]()}
    return {
        **_TICKET,
        "state": state,
        "retry_after": 0,
        "progress": progress,
        "ended_at": "2027-03-01T09:12:00Z",
        **more,
    }


_ASK_AGAIN: Final = (
    "Drop the ticket. Send the request without it to ask for a new approval, if it is still wanted."
)
_ASK_AGAIN_RETRY: Final = "With this ticket never. Without it the request is held anew, under a new ticket."

ON_TICKETS: Final[Mapping[Problem, Advice]] = {
    Problem.HELD: Advice(
        happened="The request is one that a person has to approve, and they were asked just now or "
        "before. It waits under a ticket: `id` names it, and `token` is what lets the approved request "
        "through. `state` is `pending`, or `approved` once enough people agreed. An equal request of the "
        "same sender gets the same ticket. With status 202 the answer is `application/json` and has no "
        "`type`, because nothing is wrong; where the policy or `HOLDGATE_HELD_STATUS` asks for 403, 428 "
        "or 503 it is a problem with that status.",
        client="Keep the token. Wait `retry_after` seconds, or ask `links.status` with the ticket header "
        "and `Prefer: wait=30`; then send the very same request with the header `x-approval-ticket: "
        "TOKEN`. The token works for this request and this sender alone. To give up, send `DELETE` to "
        "`links.status` with the same header.",
        person="Nothing has been done yet. `progress.awaiting` says whose approval is missing; "
        "`links.review` is the page to send to them. After `expires_at` the request has to be made "
        "again.",
        agent="The action was not carried out. Say so, name the rule and who is waited for, and don't "
        "look for another way to the same effect. Repeat exactly the same request with the header when "
        "it is approved.",
        retry="Yes: the same request with the ticket, after `retry_after` seconds, until `expires_at`.",
        example={**_TICKET, "token": f"hg1.k1.{_ID}.…"},
    ),
    Problem.REFUSED: Advice(
        happened="The ticket is unknown, forged, malformed, sent twice, or somebody else's. The answer "
        "is the same for all of these, so that nobody learns which tickets exist. A ticket that ended "
        "long ago is unknown, too.",
        client="Send the token as it was given, in one `x-approval-ticket` header, to the same host and "
        "as the same sender. If that is so, drop it and send the request without the header.",
        person="Check who you are signed in as: a ticket works only for whoever made the request.",
        agent="Compare the token with the one that the 202 gave, letter by letter. If it is the same, "
        "start over without it.",
        retry="Not with this token.",
    ),
    Problem.REJECTED: Advice(
        happened="`rejected_by` said no, at `ended_at`; `comment` is their reason. For "
        "`HOLDGATE_REJECT_COOLDOWN` (10 minutes) an equal request gets this answer without anybody being "
        "asked again.",
        client="Stop, and show `rejected_by` and `comment` to whoever started you.",
        person="Read the comment, and talk to the one who rejected it. A changed request is a new one.",
        agent="A person decided against this. Report who and why, and don't try it in another form.",
        retry="No.",
        example=_ended("rejected", rejected_by="Bob", comment="not during the freeze"),
    ),
    Problem.EXPIRED: Advice(
        happened="Not enough people approved it until `ended_at`.",
        client=_ASK_AGAIN,
        person="Before you ask again, see to it that somebody is there who can approve.",
        agent=AGENT_STOPS,
        retry=_ASK_AGAIN_RETRY,
        example=_ended("expired"),
    ),
    Problem.LAPSED: Advice(
        happened="It was approved, and the approval ended at `ended_at` without having been used up.",
        client=_ASK_AGAIN + " Wait for the vote next time with `Prefer: wait`, so that it isn't missed.",
        person="The approvers have to be asked once more.",
        agent=AGENT_STOPS,
        retry=_ASK_AGAIN_RETRY,
        example=_ended("lapsed", given=1),
    ),
    Problem.CANCELLED: Advice(
        happened="The requester took the request back, on the review page or with `DELETE`; `ended_by` "
        "says by which account, and `comment` why.",
        client=_ASK_AGAIN,
        person="If it wasn't you, tell your operator: somebody acts under your account.",
        agent="Stop: the person you work for doesn't want it any more.",
        retry=_ASK_AGAIN_RETRY,
        example=_ended("cancelled", ended_by="Alice", comment=""),
    ),
    Problem.SUPERSEDED: Advice(
        happened="The policy demands something else than what was asked for, so that a new ticket took "
        "this one's place; and that is gone as well. While it exists, the answer is the new ticket's.",
        client=_ASK_AGAIN,
        person="Whoever approved has to look again, at what is demanded now.",
        agent="Send the request once without the ticket, and go on as with any hold.",
        retry=_ASK_AGAIN_RETRY,
        example={"id": _ID},
    ),
    Problem.REVOKED: Advice(
        happened="`ended_by` took the approval back before it was used up, at `ended_at`; `comment` is "
        "their reason.",
        client="Stop, and show `ended_by` and `comment` to whoever started you.",
        person="Talk to the one who took it back before you ask again.",
        agent="A person withdrew their approval. " + AGENT_STOPS,
        retry=_ASK_AGAIN_RETRY,
        example=_ended("revoked", given=1, ended_by="Bob", comment="wrong cluster"),
    ),
    Problem.USED_UP: Advice(
        happened="The approval was good for a number of requests, and so many were let through. "
        "`used_by` names the last of them, by Envoy's `request_id` and time (`at`). A use counts when "
        "the request was let through, whatever the upstream then answered.",
        client="If an answer was lost on the way, look at the upstream whether the request took effect, "
        "before anything else. " + _ASK_AGAIN,
        person="It was most likely done already: look before you ask again.",
        agent="Find out whether the action took effect. Only if it didn't, and is still wanted, start "
        "over without the ticket.",
        retry=_ASK_AGAIN_RETRY,
        example=_ended(
            "used_up", given=1, used_by=[{"request_id": "10393485929120439", "at": "2027-03-01T09:12:00Z"}]
        ),
    ),
    Problem.CHANGED: Advice(
        happened="`changed` lists what differs from the request that was approved, by name and never by "
        "value: `method`, `scheme`, `host`, `path`, `query`, `body`, `header:NAME`, "
        "`context_extensions`, `decision_path`; in a session `rule` and `scope`. The ticket is as it "
        "was.",
        client="Send the request byte for byte as it was held: the same body, and the same headers of "
        "those named. If it has to be another one, send it without the ticket.",
        person="What was approved is what runs. A correction needs an approval of its own.",
        agent="Repeat the earlier request from your records instead of writing it anew.",
        retry="Not as it is. The original request still works.",
        operator="`context_extensions` and `decision_path` belong to you: the route's settings or the "
        "policy's path were changed since. A proxy before Envoy that rewrites requests shows here as "
        "well.",
        example={"id": _ID, "changed": ["body", "header:content-type"]},
    ),
    Problem.INSUFFICIENT: Advice(
        happened="Envoy repeated a check that had taken its use, and the policy changed in between. Any "
        "other request for which an approval is no longer enough is held anew, with a ticket that "
        "supersedes the old one.",
        client="Send the request again with the same ticket.",
        person="Nothing; if it stays like this, the answer to the next attempt says what is demanded.",
        agent="Send the request once more with the same ticket, and go by that answer.",
        retry="Yes, at once.",
        example=_APPROVED,
    ),
    Problem.TICKET_OVER: Advice(
        happened="A `DELETE` came for a ticket that was rejected, expired, lapsed, used up or replaced. "
        "The members are those of its status: `state` says which, and the others when and by whom.",
        client="Nothing is left to do. If `state` is `used_up`, the request was let through before it "
        "could be stopped.",
        person="If `state` is `used_up`, look at what it did.",
        agent="Report `state`. Don't claim that the request was taken back.",
        retry="No: this doesn't change any more.",
        example=_ended(
            "used_up", given=1, used_by=[{"request_id": "10393485929120439", "at": "2027-03-01T09:12:00Z"}]
        ),
    ),
    Problem.CANCEL_NOT_PERMITTED: Advice(
        happened="The operator has a rule about who may take requests and approvals back, and it said "
        "no. The ticket lives on; `reason` has the rule's sentence.",
        client="Show `reason`. A ticket that isn't used ends by itself, at `expires_at` of its status.",
        person="Ask an approver to reject or revoke it.",
        agent="Tell the person you work for that the request is still open.",
        retry="No.",
        operator="The rule is `HOLDGATE_OPA_VOTE_PATH`, asked about the action `cancel`, or `revoke` "
        "once it is approved.",
        example={"reason": "The operator's rule doesn't let you do this."},
    ),
}
