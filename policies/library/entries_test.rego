package holdgate.entries_test

import data.holdgate.entries

test_sound_sets_have_no_problem if {
	entries.problems({
		"allow": {true, {"headers": {"x-a": "1"}, "query_parameters_to_remove": ["q"]}},
		"deny": {"no", {"http_status": 404, "headers": {"x-b": "1"}, "body": "gone", "dynamic_metadata": {}}},
		"hold": {{"rule": "r"}},
	}) == set()
	entries.problems({
		"allow": set(),
		"deny": set(),
		"hold": set(),
		"break_glass": {{"break_glass": {"group": "sre-leads", "review_within": "24h"}}},
		"requester": {{"ns": "https://issuer.example", "id": "alice", "name": "Alice"}},
	}) == set()
}

test_a_problem_names_the_key if {
	problems_of({"approvers": []}, "no", fine) == {"an entry of allow has the unknown key approvers"}
	problems_of({"headers": 1}, "no", fine) == {"headers in an entry of allow is not an object"}
	problems_of({"query_parameters_to_remove": "q"}, "no", fine) == {"query_parameters_to_remove in an entry of allow is not an array"}
	problems_of(1, "no", fine) == {"an entry of allow is neither true nor an object"}
	problems_of(true, {"status": 404}, fine) == {"an entry of deny has the unknown key status"}
	problems_of(true, {"headers": 1}, fine) == {"headers in an entry of deny is not an object"}
	problems_of(true, {"headers": {"A": "", "a": ""}}, fine) == {"headers in an entry of deny name one header twice"}
	problems_of(true, {"http_status": 200}, fine) == {"http_status in an entry of deny is not a whole number from 300 to 599"}
	problems_of(true, {"body": 1}, fine) == {"body in an entry of deny is neither a string nor an object"}
	problems_of(true, 1, fine) == {"an entry of deny is neither a sentence nor an object"}
	problems_of(true, "no", "sre") == {"an entry of hold is not an object"}
	problems_of(true, "no", {"aprovers": []}) == {
		"an entry of hold has the unknown key aprovers",
		"an entry of hold has no rule",
	}
}

fine := {"rule": "r"}

test_a_problem_of_an_optional_set_names_it if {
	problems_with("break_glass", {{"rule": "r"}}) == {"an entry of break_glass has no break_glass"}
	problems_with("requester", {"alice"}) == {not_a_requester}
	problems_with("requester", {{"ns": "n"}}) == {not_a_requester}
	problems_with("requester", {{"ns": "n", "id": 7}}) == {not_a_requester}
	problems_with("requester", {{"ns": "n", "id": "a", "mail": "x"}}) == {not_a_requester}
	problems_with("break_glass", [glass("a")]) == {"break_glass is not a set: write `break_glass contains …`"}
}

not_a_requester := "an entry of requester is not {ns, id, name}, all of them text"

test_of_an_optional_set_there_is_one_entry if {
	problems_with("break_glass", {glass("a"), glass("b")}) == {"break_glass has different entries; there can be one of a request"}
	problems_with("requester", {{"ns": "n", "id": "a"}, {"ns": "n", "id": "b"}}) == {"requester has different entries; there can be one of a request"}
}

glass(group) := {"break_glass": {"group": group, "review_within": "1h"}}

problems_with(name, set_of_it) := entries.problems({"allow": set(), "deny": set(), "hold": set(), name: set_of_it})

test_every_problem_is_named if {
	problems_of(1, {"status": 404, "body": 1}, 1) == {
		"an entry of allow is neither true nor an object",
		"an entry of deny has the unknown key status",
		"body in an entry of deny is neither a string nor an object",
		"an entry of hold is not an object",
	}
}

test_a_disagreement_is_named_without_the_values if {
	found := entries.problems({
		"allow": {{"headers": {"X-Role": "secret-a"}}, {"headers": {"X-Role": "secret-b"}}},
		"deny": set(), "hold": set(),
	})
	found == {"entries of allow disagree on X-Role in headers"}
}

test_query_parameters_are_told_apart_by_case if {
	entries.problems({
		"allow": {{"query_parameters_to_set": {"q": "1"}}, {"query_parameters_to_set": {"Q": "2"}}},
		"deny": set(), "hold": set(),
	}) == set()
}

test_a_set_that_is_none_is_named if {
	entries.problems({"allow": true, "deny": set(), "hold": {}}) == {
		"allow is not a set: write `allow contains …`",
		"hold is not a set: write `hold contains …`",
	}
}

test_other_keys_than_the_three_are_named if {
	wanted := {"the argument must be an object with the keys allow, deny and hold, perhaps break_glass and requester, and no other"}
	entries.problems({}) == wanted
	entries.problems({"allow": set(), "deny": set(), "break_glass": set()}) == wanted
	entries.problems({"allow": set(), "deny": set(), "holds": set()}) == wanted
}

test_a_refusal_is_from_300_to_599 if {
	entries.is_refusal(300)
	entries.is_refusal(599)
	not entries.is_refusal(299)
	not entries.is_refusal(600)
	not entries.is_refusal(403.5)
	not entries.is_refusal("403")
}

problems_of(allow, deny, hold) := entries.problems({"allow": {allow}, "deny": {deny}, "hold": {hold}})
