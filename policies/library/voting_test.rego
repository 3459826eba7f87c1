package holdgate.voting_test

import data.holdgate.voting

issuer := "https://issuer.example"

everything := ["view", "request", "approve", "reject", "withdraw", "cancel", "revoke", "break_glass", "review", "audit"]

person(id, groups) := {"ns": issuer, "id": id, "name": id, "person": id, "groups": groups, "method": "oidc", "signed_in_at": "2026-03-02T09:00:00Z"}

stranger := object.union(person("mallory", []), {"person": ""})

held(approvers) := {
	"id": "0-a",
	"rule": "delete-production",
	"rules": ["delete-production"],
	"reason": "",
	"state": "pending",
	"requester": {"ns": issuer, "id": "alice", "name": "Alice", "person": "alice"},
	"approvers": approvers,
	"risk": "normal",
	"method": "DELETE",
	"host": "api.example",
	"path": "/resources/db-orders",
	"votes": [],
}

sre := held([[{"group": "sre", "count": 2}]])

may(action, actor, ticket) := answer if {
	answer := voting.answer with input as {"action": action, "actor": actor, "ticket": ticket}
}

allowed(actor, ticket) := {action | some action in everything; may(action, actor, ticket) == {"allow": true}}

asked_may := {"view", "request", "approve", "reject", "withdraw", "revoke", "break_glass", "review"}

test_a_member_of_a_demanded_group_may_decide if {
	allowed(person("bob", ["sre"]), sre) == asked_may
}

test_others_may_not if {
	every actor in [person("bob", []), person("bob", ["sre-oncall", "SRE", ""])] {
		allowed(actor, sre) == {"request"}
		may("approve", actor, sre).reason == "This rule asks for other people than you."
		may("view", actor, sre).reason == "This rule asks for other people than you."
	}
}

test_a_member_of_any_rules_group_may_decide if {
	both := held([[{"group": "sre", "count": 1}], [{"group": "legal", "count": 1}, {"group": "security"}]])
	every group in ["sre", "legal", "security"] {
		allowed(person("bob", [group]), both) == asked_may
	}
	allowed(person("bob", ["hr"]), both) == {"request"}
}

test_a_named_user_may_decide if {
	named := held([[{"user": {"ns": issuer, "id": "carol"}}]])
	allowed(person("carol", []), named) == asked_may
	allowed(person("dave", []), named) == {"request"}
	allowed(object.union(person("carol", []), {"ns": "https://other.example"}), named) == {"request"}
}

test_with_any_every_known_person_may_decide if {
	open := held([[{"any": true, "count": 2}]])
	allowed(person("dave", []), open) == asked_may
	allowed(stranger, open) == {"request"}
}

test_only_true_is_any if {
	allowed(person("dave", []), held([[{"any": false}]])) == {"request"}
}

test_the_requester_never_decides if {
	every actor in [
		person("alice", ["sre"]),
		object.union(person("alice-at-work", ["sre"]), {"person": "alice"}),
		object.union(person("alice", ["sre"]), {"person": "somebody-else"}),
	] {
		allowed(actor, sre) == (asked_may | {"cancel"}) - {"approve", "reject", "review"}
		every action in ["approve", "reject", "review"] {
			may(action, actor, sre) == {
				"allow": false,
				"reason": "You asked for this yourself, so somebody else has to decide.",
			}
		}
	}
}

test_the_requester_may_look_cancel_and_revoke if {
	allowed(person("alice", []), sre) == {"view", "request", "cancel", "revoke"}
}

test_a_requester_whom_nobody_knows_may_do_the_same if {
	unknown := object.union(sre, {"requester": {"ns": issuer, "id": "mallory", "name": "", "person": ""}})
	allowed(stranger, unknown) == {"view", "request", "cancel", "revoke"}
}

test_two_unknown_accounts_are_not_one_person if {
	unknown := object.union(sre, {"requester": {"ns": issuer, "id": "ci-job", "name": "", "person": ""}})
	allowed(stranger, unknown) == {"request"}
	may("approve", stranger, unknown).reason == "The directory doesn't know you."
}

test_a_stranger_decides_nothing_whatever_groups_they_bring if {
	every actor in [
		object.union(stranger, {"groups": ["sre"]}),
		object.union(stranger, {"groups": ["sre"], "person": null}),
		object.remove(object.union(stranger, {"groups": ["sre"]}), ["person"]),
	] {
		allowed(actor, sre) == {"request"}
		may("approve", actor, sre).reason == "The directory doesn't know you."
		allowed(actor, held([[{"user": {"ns": issuer, "id": "mallory"}}]])) == {"request"}
	}
}

test_who_has_left_the_group_may_still_take_the_vote_back if {
	voted := object.union(sre, {"votes": [{"choice": "approve", "by": {"ns": issuer, "id": "bob", "name": "Bob", "person": "bob", "groups": ["sre"]}}]})
	allowed(person("bob", []), voted) == {"view", "request", "withdraw"}
	allowed(object.union(person("bob-at-work", []), {"person": "bob"}), voted) == {"view", "request", "withdraw"}
	allowed(person("dave", []), voted) == {"request"}
	allowed(object.union(person("bob", []), {"person": ""}), voted) == {"request"}
}

test_only_the_requester_cancels if {
	may("cancel", person("bob", ["sre"]), sre).reason == "Only who asked for this can take it back; you can reject it."
}

test_nobody_audits_unless_data_says_so if {
	may("audit", person("bob", ["audit"]), sre) == {
		"allow": false,
		"reason": "You are in none of the groups that may read the audit.",
	}
	may("audit", person("bob", ["audit"]), sre) == {"allow": true} with data.voting.auditors as ["audit", "legal"]
	may("audit", person("bob", ["sre"]), sre).allow == false with data.voting.auditors as ["audit"]
	may("audit", object.union(stranger, {"groups": ["audit"]}), sre).allow == false with data.voting.auditors as ["audit"]
}

test_an_audit_needs_no_ticket if {
	voting.answer == {"allow": true} with input as {"action": "audit", "actor": person("bob", ["audit"])}
		with data.voting.auditors as ["audit"]
}

test_there_is_always_an_answer if {
	every asked in [{}, {"action": "approve"}, {"action": "audit"}, {"action": "own", "actor": person("bob", ["sre"]), "ticket": sre}, null] {
		voting.answer.allow == false with input as asked
		is_string(voting.answer.reason) with input as asked
	}
}

test_a_ticket_without_seats_is_nobodys if {
	every approvers in [[], [[]], [[{}]]] {
		allowed(person("bob", ["sre"]), held(approvers)) == {"request"}
	}
}
