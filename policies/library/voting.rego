# METADATA
# title: Voting
# description: |
#   Who may act on a ticket: the rule that ships with Holdgate. A rule of your own can use `answer`
#   and add to it, or take its place. Whatever it says, Holdgate never counts the requester's vote,
#   counts a person once and compares the votes with the seats; a rule can only allow less.
# schemas:
#   - input: schema.holdgate.vote
package holdgate.voting

import data.voting.auditors

# METADATA
# title: Whether the actor may do this
# description: |
#   `{"allow": true}`, or `{"allow": false, "reason": …}` with a sentence for the actor. Asked for at
#   `POST /v1/data/holdgate/voting/answer`, for HOLDGATE_OPA_VOTE_PATH. It always has an answer.
#
#   - approve, reject, review: whom the rule asks, and never who sent the request
#   - withdraw: whom the rule asks, and whose vote is there
#   - break_glass: whom the rule asks
#   - view: whom the rule asks, the requester, and whose vote is there
#   - revoke: whom the rule asks, and the requester
#   - cancel: the requester
#   - request: everybody; whether a request is held at all is the decision's to say
#   - audit: the groups that `data.voting.auditors` lists; nobody without it
# entrypoint: true
# scope: document
answer := {"allow": true} if permitted

answer := {"allow": false, "reason": reason} if not permitted

permitted if input.action == "request"

permitted if {
	input.action in {"approve", "reject", "review"}
	asked
	not own
}

permitted if {
	input.action in {"withdraw", "break_glass", "view", "revoke"}
	asked
}

permitted if {
	input.action in {"cancel", "view", "revoke"}
	own
}

permitted if {
	input.action in {"withdraw", "view"}
	voted
}

permitted if {
	input.action == "audit"
	known
	some group in auditors
	group in input.actor.groups
}

# METADATA
# title: Whether the rule asks the actor
# description: Whether they could take a seat of any rule of the ticket, in any of its alternatives.
asked if {
	some seats in input.ticket.approvers
	some seat in seats
	admits(seat)
}

admits(seat) if {
	known
	seat.group in input.actor.groups
}

admits(seat) if {
	known
	seat.user.ns == input.actor.ns
	seat.user.id == input.actor.id
}

admits(seat) if {
	known
	seat.any == true
}

# METADATA
# title: Whether the actor sent the request
# description: With this identity, or with another one of the same person.
own if {
	input.ticket.requester.ns == input.actor.ns
	input.ticket.requester.id == input.actor.id
}

own if {
	known
	input.ticket.requester.person == input.actor.person
}

# METADATA
# title: Whether a vote of the actor's is there
# description: Who has left the group since may still take it back.
voted if {
	known
	some vote in input.ticket.votes
	vote.by.person == input.actor.person
}

# METADATA
# title: Whether the directory knows the actor
# description: Whether there is a person behind the identity. A stranger may at most take back an own request.
known if {
	is_string(input.actor.person)
	input.actor.person != ""
}

default reason := "This rule asks for other people than you."

reason := "The directory doesn't know you." if {
	not known
	not input.action == "cancel"
} else := "You asked for this yourself, so somebody else has to decide." if {
	own
	input.action in {"approve", "reject", "review"}
} else := "Only who asked for this can take it back; you can reject it." if {
	input.action == "cancel"
} else := "You are in none of the groups that may read the audit." if {
	input.action == "audit"
}
