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

problems(name, entry) := unknown | lacking if {
	is_object(entry)
	unknown := {sprintf("an entry of %s has the unknown key %v%s", [name, key, within(name, place)]) |
		some [place, content] in parts(name, entry)
		some key in (object.keys(content) - keys[place])
	}
	lacking := {sprintf("an entry of %s has no %s%s", [name, key, within(name, place)]) |
		some [place, content] in parts(name, entry)
		some key in (needed[place] - object.keys(content))
	}
}

within(name, name) := ""

within(name, place) := sprintf(" in %s", [place]) if name != place

# Every object of the entry that has keys of its own, with its place.
parts(name, entry) := {[place, content] |
	some [place, content] in array.concat(
		[
			[name, entry],
			["approvers", object.get(entry, "approvers", [])],
			["bind", object.get(entry, "bind", [])],
			["bind.body", object.get(entry, ["bind", "body"], [])],
			["its break_glass", object.get(entry, "break_glass", [])],
			["escalate", object.get(entry, "escalate", [])],
			["grant", object.get(entry, "grant", [])],
		],
		[part | some part in lists(entry)],
	)
	is_object(content)
}

lists(entry) := union({
	{["show[]", line] | some line in entry.show},
	{["approvers[]", seat] | some seat in seats(entry)},
	{["approvers[].user", seat.user] | some seat in seats(entry)},
})

seats(entry) := {seat | some seat in entry.approvers} | {seat |
	some alternative in entry.approvers.one_of
	some seat in alternative
}
