# METADATA
# title: Decision
# description: |
#   Turns what a policy's rules say into the one result document that Holdgate reads. Several
#   rules may allow, deny or hold the same request, and two complete rules that both answer are
#   an evaluation conflict; so rules fill three sets, and this package weighs them.
package holdgate.decision

import data.holdgate.entries

# METADATA
# title: One result out of three sets
# description: |
#   `sets` is `{"allow": …, "deny": …, "hold": …}`, perhaps with `"break_glass": …` and
#   `"requester": …`, all of them sets. A deny beats a break-glass, that beats a hold, a hold beats
#   an allow, and a request that no rule speaks of is denied. An entry is
#
#   - in allow: `true`, or an object with `headers`, `response_headers_to_add`,
#     `request_headers_to_remove`, `query_parameters_to_set`, `query_parameters_to_remove` or
#     `dynamic_metadata`. Several are merged; they must not disagree.
#   - in deny: a sentence, or an object with `http_status` (403 if absent), `headers`,
#     `dynamic_metadata` and `body` (a string is sent as it is, an object as
#     application/problem+json). Of several, the one with the lowest status answers, and among
#     equals the first in OPA's order: the same request always gets the same answer.
#   - in hold: the object that Holdgate knows as `approval`, best written with
#     `holdgate.approvals.demand`. Several become an array, all of which must be satisfied. An
#     `http_status` in it answers the held client; of several, the highest.
#   - in break_glass: `{"break_glass": {"group": …, "review_within": …}}`, with what Holdgate knows
#     beside it. The request passes with whatever the entries of allow add to it.
#   - in requester: `{"ns": …, "id": …}`, perhaps with `name`: who sends the request, for a
#     Holdgate that takes principals from the policy.
#
#   Of break_glass and requester a request has one entry at most.
#
#   Hold rules must not look at `input.approval`: when the approved request comes back, Holdgate
#   compares the votes with what is demanded then, so the demand has to be made again.
#   A malformed entry leaves the result undefined, which Holdgate answers with 503; OPA's log
#   then names the problem.
# scope: document
from(sets) := weighed(sets) if {
	count(sets) == 3
	sound(sets)
}

from(sets) := object.union(unlocked(sets), named(sets)) if {
	count(sets) > 3
	sound(sets)
}

named(sets) := {"requester": requester | some requester in sets.requester}

unlocked(sets) := object.union(allowed(sets.allow), {"approval": terms}) if {
	count(sets.deny) == 0
	some terms in sets.break_glass
}

unlocked(sets) := weighed(sets) if count(sets.deny) > 0

unlocked(sets) := weighed(sets) if {
	count(sets.deny) == 0
	count(object.get(sets, "break_glass", set())) == 0
}

# The bodies exclude each other. In an `else` chain, a denial that came out undefined would fall
# through to the weaker answer below it.
weighed(sets) := denied(sets.deny) if count(sets.deny) > 0

weighed(sets) := held(sets.hold) if {
	count(sets.deny) == 0
	count(sets.hold) > 0
}

weighed(sets) := allowed(sets.allow) if {
	count(sets.deny) == 0
	count(sets.hold) == 0
	count(sets.allow) > 0
}

weighed(sets) := denied({"no rule of the policy allows this request"}) if {
	count(sets.deny) == 0
	count(sets.hold) == 0
	count(sets.allow) == 0
}

# Sound is what has no problem; a problem is never the empty sentence. It is said aloud on the way,
# because OPA's log is the one place that can tell the author why there is no decision.
sound(sets) if {
	every problem in entries.problems(sets) {
		print("holdgate.decision gives no result:", problem)
		problem == ""
	}
}

denied(denials) := object.union_n([
	denial,
	text(denial, status),
	{"allowed": false, "http_status": status},
]) if {
	ranked := sort([[object.get(denial, "http_status", 403), denial] |
		some written in denials
		denial := entries.denial(written)
	])
	[status, denial] := ranked[0]
}

# Envoy takes a body only as text, and one without a content-type becomes text/plain.
text(denial, status) := {
	"headers": object.union({"content-type": "application/problem+json"}, object.get(denial, "headers", {})),
	"body": json.marshal(object.union({"status": status}, denial.body)),
} if {
	is_object(denial.body)
}

text(denial, _) := {} if not is_object(object.get(denial, "body", ""))

held(holds) := object.union({"allowed": false, "approval": approval}, answered(holds)) if {
	demands := {object.remove(hold, ["http_status"]) | some hold in holds}
	approval := one_or_all([demand | some demand in demands])
}

one_or_all(demands) := demands[0] if count(demands) == 1

one_or_all(demands) := demands if count(demands) > 1

answered(holds) := {"http_status": max(statuses)} if {
	statuses := {hold.http_status | some hold in holds}
	count(statuses) > 0
}

answered(holds) := {} if {
	every hold in holds {
		not "http_status" in object.keys(hold)
	}
}

allowed(permissions) := object.union_n([{"allowed": true}, objects, arrays]) if {
	grants := [entries.permission(permission) | some permission in permissions]
	objects := {key: object.union_n([grant[key] | some grant in grants]) |
		some key in entries.objects
		some grant in grants
		key in object.keys(grant)
	}
	arrays := {key: sort({name | some grant in grants; some name in grant[key]}) |
		some key in entries.arrays
		some grant in grants
		key in object.keys(grant)
	}
}
