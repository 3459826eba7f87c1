# METADATA
# title: Directory
# description: |
#   Who the people are, from OPA's data, so that a policy, Holdgate's quorum and the people who
#   keep the list all speak of the same persons:
#
#     data.directory.people = {"alice": {
#       "name": "Alice",
#       "groups": ["admin"],
#       "identities": [{"ns": "https://issuer.example", "id": "alice"}],
#     }}
#
#   One person has as many identities as there are systems that know them: the pair of issuer and
#   subject of a token, of tenant and object id, of team and user.
package holdgate.directory

# METADATA
# title: The person behind an identity
# description: |
#   Input `{"ns": …, "id": …}`, result `{"id": …, "name": …, "groups": […], "accounts": […]}`.
#   Undefined for a stranger. This is the document that Holdgate asks for at
#   `POST /v1/data/holdgate/directory/person`. The accounts are the person's identities that nobody
#   else lists, 20 at most: a chat that knows one of them can mention the person, or write to them.
# entrypoint: true
person := object.union(someone, {"accounts": accounts}) if {
	someone := find(input.ns, input.id)
	listed := identities_of(someone.id)
	accounts := array.slice(sort(listed - listed_by_others(listed, someone.id)), 0, 20)
}

identities_of(person_id) := {{"ns": identity.ns, "id": identity.id} |
	some identity in data.directory.people[person_id].identities
	usable(identity.ns)
	usable(identity.id)
}

# The one that was asked for is nobody else's, so who has no other needs no second look at everybody.
listed_by_others(listed, person_id) := {each |
	count(listed) > 1
	some other, entry in data.directory.people
	some identity in entry.identities
	some each in listed
	identity.id == each.id
	identity.ns == each.ns
	other != person_id
}

# METADATA
# title: The person behind an identity, for rules
# description: |
#   As `person`. An identity that two persons list is nobody's: whoever it was given to, one of
#   them would be able to approve their own request, or both to count for one.
# scope: document
find(ns, id) := {"id": owner, "name": object.get(entry, "name", owner), "groups": groups} if {
	owners := listing(ns, id)
	count(owners) == 1
	some owner in owners
	entry := data.directory.people[owner]
	groups := sort({group | some group in entry.groups})
}

listing(ns, id) := {person_id |
	some person_id, entry in data.directory.people
	some identity in entry.identities
	identity.ns == ns
	identity.id == id
} if {
	is_string(ns)
	is_string(id)
	ns != ""
	id != ""
}

usable(part) if {
	is_string(part)
	count(part) > 0
	count(part) <= 512
}

# METADATA
# title: Whether a person is in a group
# description: A group is a name in the person's `groups`, compared exactly; groups do not nest.
# scope: document
has_group(member, group) if group in member.groups
