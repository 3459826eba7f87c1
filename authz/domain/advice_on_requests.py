"""What to do about the problems of a request that got no ticket."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from authz.domain.advice import AGENT_STOPS, Advice
from authz.domain.problems import Problem

ON_REQUESTS: Final[Mapping[Problem, Advice]] = {
    Problem.NOT_PERMITTED: Advice(
        happened="The operator has a rule about who may ask for approvals or break the glass, and it "
        "said no. `reason` has its sentence, where it gave one.",
        client="Stop, and show `reason` to whoever started you.",
        person="Ask somebody who may, or have the rule changed.",
        agent=AGENT_STOPS,
        retry="No.",
        operator="The rule is `HOLDGATE_OPA_VOTE_PATH`, asked about the action `request` or `break_glass`.",
        example={"reason": "contractors don't ask for deletions"},
    ),
    Problem.BREAK_GLASS_REFUSED: Advice(
        happened="The policy has a way through for emergencies, for people of a group. The directory "
        "doesn't know the sender, or not in that group.",
        client="Stop.",
        person="Ask somebody of that group, or take the ordinary way, where there is one.",
        agent=AGENT_STOPS,
        retry="No.",
    ),
    Problem.JUSTIFICATION_REQUIRED: Advice(
        happened="The rule wants to know why before anybody is asked. Nothing was held.",
        client="Send the same request with the header `x-approval-justification`: a sentence, from "
        "whoever started you.",
        person="Say why it has to be done. The approvers read it as your own words; it never reaches the "
        "upstream.",
        agent="Give the reason that you were given. If you have none, ask for it; don't invent one.",
        retry="Yes, with the header.",
        example={"rule": "delete-production"},
    ),
    Problem.BAD_REQUEST: Advice(
        happened="`detail` says what is wrong: a broken escape in path or query, a `;` in the query, a "
        "body that calls itself JSON and is not, a content-length that is no number.",
        client="Mend the request.",
        person="This is a fault of the program that sent it.",
        agent="Look at the request that you wrote, at the place that `detail` names.",
        retry="Not as it is.",
    ),
    Problem.NOT_FOUND: Advice(
        happened="Every path below `/.holdgate/` is Holdgate's own on the hosts that it guards, and "
        "never reaches the upstream. Only `/.holdgate/tickets/ID` and `/.holdgate/problems/NAME` are "
        "something.",
        client="Take addresses from `links` in the answer; don't make them up.",
        person="Check the address.",
        agent="Use `links.status` as it was given.",
        retry="No.",
    ),
    Problem.METHOD_NOT_ALLOWED: Advice(
        happened="A ticket's status takes `GET`, `HEAD` and `DELETE`, the page of a problem `GET` and "
        "`HEAD`.",
        client="Use one of the methods in the header `allow`.",
        person="This is a fault of the program that sent it.",
        agent="`GET` reads the status, `DELETE` takes the request back; there is nothing else.",
        retry="No.",
    ),
    Problem.BODY_NOT_VISIBLE: Advice(
        happened="What nobody saw can't be approved. `reason` says why the body couldn't be seen whole: "
        "longer than the gate buffers, chunked and as long as the buffer exactly, or none at all because "
        "the connection is upgraded.",
        client="Send a smaller body, with a `content-length`.",
        person="Split the request, or ask your operator for a larger limit.",
        agent="Send less at once.",
        retry="Not as it is.",
        operator="`HOLDGATE_BODY_LIMIT` is what Envoy buffers. A rule can leave the body unbound with "
        "`bind: {body: false}`; the card then says so.",
        example={"reason": "the body is longer than the 65536 bytes that Envoy buffers"},
    ),
    Problem.TOO_MANY_TICKETS: Advice(
        happened="A bound on new tickets is reached; `scope` says which. `total`, `requester` and `rule` "
        "are open tickets, `rate_total`, `rate_requester` and `rate_rule` new ones in a minute, "
        "`bytes_total` and `bytes_requester` what is stored. Nothing was held.",
        client="Wait `retry_after` seconds, and longer each time. Where the scope names the requester, "
        "see to the tickets that are open first: repeat held requests with their tickets instead of "
        "sending new ones.",
        person="Take back what isn't wanted any more.",
        agent="You have asked for too much at once. Finish what waits before you ask for more.",
        retry="Yes, after `retry_after` seconds (also in the header).",
        operator="The bounds are `HOLDGATE_MAX_OPEN_TICKETS`, `HOLDGATE_TICKETS_PER_MINUTE` and "
        "`HOLDGATE_MAX_STORED_BYTES`, each also with `_PER_REQUESTER`, the first two with `_PER_RULE`.",
        example={"scope": "requester", "retry_after": 30},
    ),
    Problem.BREAK_GLASS_EXHAUSTED: Advice(
        happened="A bound on emergencies is reached; `scope` says which. `total` and `requester` are uses that "
        "nobody has reviewed yet, `rate_requester` is uses in a minute.",
        client="Wait `retry_after` seconds, and longer each time.",
        person="Have somebody review what was let through in the emergency, on the review page.",
        agent="You have broken the glass too often. Stop, and tell the person you work for.",
        retry="Yes, after `retry_after` seconds (also in the header), or once some were reviewed.",
        operator="The bounds are `HOLDGATE_MAX_OPEN_REVIEWS`, also with `_PER_REQUESTER`, and "
        "`HOLDGATE_BREAK_GLASS_PER_MINUTE_PER_REQUESTER`.",
        example={"scope": "requester", "retry_after": 30},
    ),
    Problem.PRINCIPAL_UNKNOWN: Advice(
        happened="The request needs an approval, and that would belong to nobody: nothing verified says "
        "who sends it, or only that it is one of several who share an account.",
        client="Send credentials that are verified before the gate: a token, a client certificate.",
        person="Sign in with an account of your own.",
        agent="You need credentials of your own; ask for them.",
        retry="With other credentials. Else only once the operator has mended something.",
        operator="No source of `HOLDGATE_PRINCIPAL_FROM` gave a principal, or it is one of "
        "`HOLDGATE_SHARED_PRINCIPALS`.",
    ),
    Problem.UNAVAILABLE: Advice(
        happened="What a decision needs didn't answer in time, or not in a way that can be obeyed. The "
        "client isn't told what; the request was not carried out.",
        client="Try again after `retry-after` seconds, with growing pauses and an end. With a ticket, "
        "keep it.",
        person="If it lasts, tell your operator.",
        agent="Wait and try again a few times. Then report that the gate is out of order.",
        retry="Yes, after the seconds in the header `retry-after`.",
        operator="The log has the reason, and `holdgate_check_errors_total` counts it: OPA or Redis "
        "didn't answer, the policy's answer couldn't be obeyed, or something failed inside.",
    ),
}
