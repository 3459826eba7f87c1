# METADATA
# title: Entries
# description: |
#   What the sets and their entries may look like. A slip of the pen must not change what a rule
#   means: a demand for approval in the wrong set is not a plain allow, and a denial with a misspelt
#   status is not an HTTP 200.
package holdgate.entries

import data.holdgate.demands

needed := {"allow", "deny", "hold"}

optional := {"break_glass", "requester"}

# METADATA
# title: Keys of an allow whose values are objects
# description: They are the result document's own, as the OPA Envoy plugin has them.
objects := {"headers", "response_headers_to_add", "query_parameters_to_set", "dynamic_metadata"}

# METADATA
# title: Keys of an allow whose values are arrays
# description: They are the result document's own, as the OPA Envoy plugin has them.
arrays := {"request_headers_to_remove", "query_parameters_to_remove"}

headers := {"headers", "response_headers_to_add"}

denial_keys := {"http_status", "headers", "body", "dynamic_metadata"}

# METADATA
# title: A denial as an object
# description: A bare sentence is the `detail` of a problem document; header names are lowercase.
# scope: document
denial(entry) := {"body": {"detail": entry}} if is_string(entry)

denial(entry) := with_lower_headers(entry) if is_object(entry)

# METADATA
# title: A permission as an object
# description: A bare `true` adds nothing; header names are lowercase.
# scope: document
permission(entry) := {} if entry == true

permission(entry) := with_lower_headers(entry) if is_object(entry)

with_lower_headers(entry) := {key: lowered(key, value) | some key, value in entry}

lowered(key, value) := {lower(name): content | some name, content in value} if key in headers

lowered(key, value) := value if not key in headers

# METADATA
# title: What is wrong with the sets
# description: |
#   A set of sentences, empty when all is well. They name keys and types, never values, because
#   they go to OPA's log.
# scope: document
problems(sets) := found if {
	found := outline_problems(sets)
	count(found) > 0
}

problems(sets) := union({
	{problem | some entry in sets.allow; some problem in allow_problems(entry)},
	{problem | some entry in sets.deny; some problem in deny_problems(entry)},
	{problem | some entry in sets.hold; some problem in demands.problems("hold", entry)},
	# Most policies have no optional set, and don't pay for them.
	{problem | count(sets) > 3; some problem in optional_problems(sets)},
	disagreements(sets.allow),
}) if {
	count(outline_problems(sets)) == 0
}

optional_problems(sets) := union({
	{problem | some entry in sets.break_glass; some problem in demands.problems("break_glass", entry)},
	{problem | some entry in sets.requester; some problem in requester_problems(entry)},
	{sprintf("%s has different entries; there can be one of a request", [name]) |
		some name in optional
		count(sets[name]) > 1
	},
})

outline_problems(sets) := {concat(" ", [
	"the argument must be an object with the keys allow, deny and hold,",
	"perhaps break_glass and requester, and no other",
])} if {
	not has_its_keys(sets)
}

outline_problems(sets) := {sprintf("%s is not a set: write `%s contains …`", [name, name]) |
	some name, entries in sets
	not is_set(entries)
} if {
	has_its_keys(sets)
}

has_its_keys(sets) if object.keys(sets) == needed

has_its_keys(sets) if {
	count(sets) > 3
	object.keys(sets) - optional == needed
}

allow_problems(entry) := set() if entry == true

allow_problems(entry) := union({
	{sprintf("an entry of allow has the unknown key %s", [key]) |
		some key in (object.keys(entry) - (objects | arrays))
	},
	{sprintf("%s in an entry of allow is not an object", [key]) |
		some key in objects
		not is_object(object.get(entry, key, {}))
	},
	{sprintf("%s in an entry of allow is not an array", [key]) |
		some key in arrays
		not is_array(object.get(entry, key, []))
	},
}) if {
	is_object(entry)
}

allow_problems(entry) := {"an entry of allow is neither true nor an object"} if {
	not is_object(entry)
	entry != true
}

deny_problems(entry) := set() if is_string(entry)

deny_problems(entry) := union({
	{sprintf("an entry of deny has the unknown key %s", [key]) |
		some key in (object.keys(entry) - denial_keys)
	},
	{sprintf("%s in an entry of deny is not an object", [key]) |
		some key in {"headers", "dynamic_metadata"}
		not is_object(object.get(entry, key, {}))
	},
	{"headers in an entry of deny name one header twice" |
		names_twice(object.get(entry, "headers", {}))
	},
	{"http_status in an entry of deny is not a whole number from 300 to 599" |
		not is_refusal(object.get(entry, "http_status", 403))
	},
	{"body in an entry of deny is neither a string nor an object" |
		not is_text(object.get(entry, "body", ""))
	},
}) if {
	is_object(entry)
}

deny_problems(entry) := {"an entry of deny is neither a sentence nor an object"} if {
	not is_string(entry)
	not is_object(entry)
}

requester_problems(entry) := set() if is_identity(entry)

requester_problems(entry) := {"an entry of requester is not {ns, id, name}, all of them text"} if {
	not is_identity(entry)
}

is_identity(entry) if {
	object.keys(entry) - {"name"} == {"ns", "id"}
	every _, value in entry {
		is_string(value)
	}
}

names_twice(fields) if {
	some one, _ in fields
	some other, _ in fields
	one != other
	lower(one) == lower(other)
}

# Envoy passes any status on, and a 200 would look like the upstream's success.
is_refusal(status) if {
	is_number(status)
	status == floor(status)
	status >= 300
	status <= 599
}

is_text(body) if is_string(body)

is_text(body) if is_object(body)

disagreements(permissions) := {sprintf("entries of allow disagree on %s in %s", [name, key]) |
	some key in objects
	some one in permissions
	some name, value in one[key]
	some other in permissions
	some other_name, other_value in other[key]
	same_name(key, name, other_name)
	value != other_value
}

same_name(key, one, other) if {
	key in headers
	lower(one) == lower(other)
}

same_name(_, name, name)
