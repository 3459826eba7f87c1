package holdgate.directory_test

import data.holdgate.directory

people := {
	"alice": {"name": "Alice", "groups": ["sre", "admin", "sre"], "identities": [
		{"ns": "https://issuer.example", "id": "a1"},
		{"ns": "tenant-1", "id": "a1", "since": "2024"},
	]},
	"bob": {"name": "Bob", "groups": [], "identities": [
		{"ns": "https://issuer.example", "id": "b1"},
		{"ns": "https://issuer.example", "id": "b1"},
		{"ns": "tenant-1", "id": "shared"},
	]},
	"carol": {"identities": [
		{"ns": "tenant-1", "id": "shared", "note": "a key beside ns and id does not tell them apart"},
		{"ns": "", "id": ""},
		{"ns": null, "id": null},
		{"ns": "number", "id": 7},
		{"id": "no-namespace"},
		{"ns": "tenant-1", "id": "c1"},
	]},
	"dave": {"name": "Dave", "groups": "sre"},
}

who(ns, id) := found if {
	found := directory.person with data.directory.people as people with input as {"ns": ns, "id": id}
}

test_an_identity_is_its_person if {
	who("https://issuer.example", "a1") == {
		"id": "alice",
		"name": "Alice",
		"groups": ["admin", "sre"],
		"accounts": [{"id": "a1", "ns": "https://issuer.example"}, {"id": "a1", "ns": "tenant-1"}],
	}
}

test_every_identity_is_its_person if {
	who("tenant-1", "a1").id == "alice"
}

test_an_identity_that_one_person_lists_twice_is_theirs if {
	who("https://issuer.example", "b1").id == "bob"
}

test_an_identity_that_two_persons_list_is_nobodys if {
	not who("tenant-1", "shared")
}

test_a_stranger_is_nobody if {
	not who("https://issuer.example", "zoe")
	not who("tenant-2", "a1")
}

test_identities_are_compared_exactly if {
	not who("https://issuer.example/", "a1")
	not who("https://issuer.example", "A1")
	not who("https://issuer.example", "a1 ")
}

test_halves_of_two_identities_are_nobody if {
	not who("https://issuer.example", "c1")
}

test_an_empty_or_odd_identity_is_nobody if {
	not who("", "")
	not who(null, null)
	not who("number", 7)
	not who(null, "no-namespace")
}

test_an_incomplete_input_is_nobody if {
	not directory.person with data.directory.people as people with input as {}
	not directory.person with data.directory.people as people with input as {"id": "a1"}
	not directory.person with data.directory.people as people with input as {"ns": "tenant-1"}
	not directory.person with data.directory.people as people with input as "alice"
}

test_no_directory_knows_nobody if {
	not directory.person with data.directory as {} with input as {"ns": "tenant-1", "id": "a1"}
}

test_a_person_without_name_and_groups_has_the_id_and_no_group if {
	who("tenant-1", "c1") == {
		"id": "carol",
		"name": "carol",
		"groups": [],
		"accounts": [{"ns": "tenant-1", "id": "c1"}],
	}
}

test_an_account_that_two_persons_list_is_nobodys_either if {
	who("https://issuer.example", "b1").accounts == [{"ns": "https://issuer.example", "id": "b1"}]
}

test_the_same_id_elsewhere_is_another_account if {
	mine := [{"ns": "team-1", "id": "u1"}, {"ns": "team-2", "id": "u1"}]
	found := directory.person with data.directory.people as {
		"erin": {"identities": mine},
		"frank": {"identities": [{"ns": "team-3", "id": "u1"}, {"ns": "team-3", "id": "u2"}]},
	}
		with input as {"ns": "team-1", "id": "u1"}
	found.accounts == mine
}

test_accounts_are_bounded_in_number_and_length if {
	long := concat("", [sprintf("%d", [number % 10]) | some number in numbers.range(1, 513)])
	identities := [{"ns": "n", "id": sprintf("%d", [number])} | some number in numbers.range(1, 30)]
	found := directory.person with data.directory.people as {"erin": {"identities": array.concat(
		[{"ns": "n", "id": long}, {"ns": long, "id": "0"}],
		identities,
	)}}
		with input as {"ns": "n", "id": "30"}
	count(found.accounts) == 20
	every account in found.accounts {
		account in identities
	}
}

test_a_rule_gets_no_accounts if {
	found := directory.find("tenant-1", "c1") with data.directory.people as people
	object.keys(found) == {"id", "name", "groups"}
}

test_groups_that_are_no_list_are_no_groups if {
	found := directory.find("n", "d") with data.directory.people as {"dave": {
		"groups": "sre",
		"identities": [{"ns": "n", "id": "d"}],
	}}
	found.groups == []
}

test_a_group_is_compared_exactly if {
	directory.has_group({"groups": ["sre"]}, "sre")
	not directory.has_group({"groups": ["sre"]}, "SRE")
	not directory.has_group({"groups": ["sre-oncall"]}, "sre")
	not directory.has_group({"groups": []}, "sre")
	not directory.has_group({}, "sre")
}
