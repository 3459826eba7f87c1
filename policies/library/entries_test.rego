package holdgate.entries_test

import data.holdgate.entries

test_sound_sets_have_no_problem if {
	entries.problems({
		"allow": {true, {"headers": {"x-a": "1"}, "query_parameters_to_remove": ["q"]}},
		"deny": {"no", {"http_status": 404, "headers": {"x-b": "1"}, "body": "gone", "dynamic_metadata": {}}},
		"hold": {{"rule": "r"}},
	}) == set()
}

test_a_problem_names_the_key if {
	problems_of({"approvers": []}, "no", {}) == {"an entry of allow has the unknown key approvers"}
	problems_of({"headers": 1}, "no", {}) == {"headers in an entry of allow is not an object"}
	problems_of({"query_parameters_to_remove": "q"}, "no", {}) == {"query_parameters_to_remove in an entry of allow is not an array"}
	problems_of(1, "no", {}) == {"an entry of allow is neither true nor an object"}
	problems_of(true, {"status": 404}, {}) == {"an entry of deny has the unknown key status"}
	problems_of(true, {"headers": 1}, {}) == {"headers in an entry of deny is not an object"}
	problems_of(true, {"headers": {"A": "", "a": ""}}, {}) == {"headers in an entry of deny name one header twice"}
	problems_of(true, {"http_status": 200}, {}) == {"http_status in an entry of deny is not a whole number from 300 to 599"}
	problems_of(true, {"body": 1}, {}) == {"body in an entry of deny is neither a string nor an object"}
	problems_of(true, 1, {}) == {"an entry of deny is neither a sentence nor an object"}
	problems_of(true, "no", "sre") == {"an entry of hold is not an object"}
}

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
	wanted := {"the argument must be an object with the keys allow, deny and hold, and no other"}
	entries.problems({}) == wanted
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
