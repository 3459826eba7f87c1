# METADATA
# title: Demands
# description: |
#   What an entry of `hold` or `break_glass` may look like. Holdgate reads it again, value by value,
#   and what is wrong is a 503 either way; here the author is told of a slip in OPA's log.
package holdgate.demands

# METADATA
# title: Keys of the objects in an entry
# description: |
#   By the place of the object. The first two are those of `approval`, beside `allowed` false and
#   true; `http_status` goes to the result document.
keys := {
	"hold": shown | {
		"approvers", "bind", "escalate", "expires_in", "grant", "http_status", "justification", "redeem",
		"remind_after", "risk", "wait",
	},
	"break_glass": shown | {"break_glass"},
	"approvers": {"one_of"},
	"approvers[]": {"any", "count", "group", "user"},
	"approvers[].user": {"id", "ns"},
	"bind": {"body", "headers"},
	"bind.body": {"ignore"},
	"its break_glass": {"group", "review_within"},
	"escalate": {"after", "notify"},
	"grant": {"scope", "uses", "valid_for"},
	"show[]": {"title", "value"},
}

shown := {"cc", "notify", "reason", "rule", "show"}

needed := {
	"hold": {"rule"},
	"break_glass": {"break_glass"},
	"its break_glass": {"group", "review_within"},
	"escalate": {"after", "notify"},
}

# METADATA
# title: What is wrong with an entry
# description: |
#   `name` is hold or break_glass. A set of sentences, empty when all is well. They name places and
#   keys, never values.
# scope: document
problems(name, entry) := {sprintf("an entry of %s is not an object", [name])} if not is_object(entry)

problems(name, entry) := union({wrong(name, name, entry), inner_problems(name, entry)}) if is_object(entry)

inner_problems(name, entry) := {problem |
	some [place, content] in parts(entry)
	is_object(content)
	some problem in wrong(name, place, content)
}

wrong(name, place, content) := {sprintf("an entry of %s has the unknown key %v%s", [name, key, within(name, place)]) |
	some key in (object.keys(content) - keys[place])
} | {sprintf("an entry of %s has no %s%s", [name, key, within(name, place)]) |
	some key in (object.get(needed, place, set()) - object.keys(content))
}

within(name, name) := ""

within(name, place) := sprintf(" in %s", [place]) if name != place

# What of the entry may be an object with keys of its own, with its place.
parts(entry) := ((({[place, entry[place]] | some place in {"approvers", "bind", "escalate", "grant"}} | {["its break_glass", entry.break_glass] | entry.break_glass}) | {["bind.body", entry.bind.body] | is_object(entry.bind)}) | {["show[]", line] | some line in entry.show}) | {[place, content] |
	some seat in seats(entry.approvers)
	some [place, content] in [["approvers[]", seat], ["approvers[].user", object.get(seat, "user", "")]]
}

seats(approvers) := approvers if is_array(approvers)

seats(approvers) := [seat | some alternative in approvers.one_of; some seat in alternative] if {
	not is_array(approvers)
}
