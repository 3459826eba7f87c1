package holdgate.decision_test

import data.holdgate.decision

sets(allow, deny, hold) := {"allow": allow, "deny": deny, "hold": hold}

some_hold := {"rule": "drop-table", "approvers": [{"group": "sre"}]}

other_hold := {"rule": "leave-region", "approvers": [{"group": "legal"}]}

# What beats what

test_nothing_said_is_denied if {
	result := decision.from(sets(set(), set(), set()))
	result.allowed == false
	result.http_status == 403
	result.headers == {"content-type": "application/problem+json"}
	json.unmarshal(result.body) == {"detail": "no rule of the policy allows this request", "status": 403}
}

test_an_allow_alone_is_allowed if {
	decision.from(sets({true}, set(), set())) == {"allowed": true}
}

test_a_hold_beats_an_allow if {
	decision.from(sets({true}, set(), {some_hold})) == {"allowed": false, "approval": some_hold}
}

test_a_deny_beats_an_allow if {
	decision.from(sets({true}, {"no"}, set())).allowed == false
	decision.from(sets({true}, {"no"}, set())).http_status == 403
}

test_a_deny_beats_a_hold if {
	result := decision.from(sets({true}, {"no"}, {some_hold}))
	result.http_status == 403
	not "approval" in object.keys(result)
}

test_an_allow_never_stands_beside_a_demand if {
	every case in [[{true}, set(), {some_hold}], [{true}, {"no"}, {some_hold}], [{true}, set(), {some_hold, other_hold}]] {
		decision.from(sets(case[0], case[1], case[2])).allowed == false
	}
}

test_an_approval_in_the_input_changes_nothing if {
	fresh := decision.from(sets({true}, set(), {some_hold}))
	fresh == decision.from(sets({true}, set(), {some_hold})) with input.approval as {"id": "p0-1", "votes": []}
}

# Holds

test_several_holds_become_an_array_in_a_fixed_order if {
	result := decision.from(sets(set(), set(), {other_hold, some_hold}))
	result == {"allowed": false, "approval": sort([other_hold, some_hold])}
	count(result.approval) == 2
}

test_a_holds_status_answers_the_client_and_leaves_the_demand if {
	result := decision.from(sets(set(), set(), {object.union(some_hold, {"http_status": 428})}))
	result == {"allowed": false, "http_status": 428, "approval": some_hold}
}

test_the_highest_status_of_several_holds_answers if {
	result := decision.from(sets(set(), set(), {
		object.union(some_hold, {"http_status": 428}),
		object.union(other_hold, {"http_status": 503}),
	}))
	result.http_status == 503
	count(result.approval) == 2
}

test_one_status_answers_for_a_hold_that_names_none if {
	result := decision.from(sets(set(), set(), {object.union(some_hold, {"http_status": 428}), other_hold}))
	result.http_status == 428
}

test_the_same_demand_with_two_statuses_is_made_once if {
	result := decision.from(sets(set(), set(), {object.union(some_hold, {"http_status": 428}), some_hold}))
	result.approval == some_hold
}

test_the_values_of_a_hold_are_passed_on_for_holdgate_to_judge if {
	result := decision.from(sets({true}, set(), {{"rule": 7, "approvers": "sre", "expires_in": "soon"}}))
	result == {"allowed": false, "approval": {"rule": 7, "approvers": "sre", "expires_in": "soon"}}
}

# Break-glass

some_glass := {"rule": "restore", "break_glass": {"group": "sre-leads", "review_within": "24h"}}

more(allow, deny, hold, rest) := object.union(sets(allow, deny, hold), rest)

test_a_break_glass_passes_and_says_so if {
	decision.from(more(set(), set(), set(), {"break_glass": {some_glass}})) == {"allowed": true, "approval": some_glass}
}

test_a_break_glass_beats_a_hold if {
	decision.from(more(set(), set(), {some_hold}, {"break_glass": {some_glass}})) == {"allowed": true, "approval": some_glass}
}

test_a_break_glass_has_what_an_allow_adds if {
	result := decision.from(more({{"headers": {"X-A": "1"}}}, set(), set(), {"break_glass": {some_glass}}))
	result == {"allowed": true, "headers": {"x-a": "1"}, "approval": some_glass}
}

test_a_deny_beats_a_break_glass if {
	result := decision.from(more({true}, {"no"}, {some_hold}, {"break_glass": {some_glass}}))
	result.allowed == false
	not "approval" in object.keys(result)
}

test_no_break_glass_changes_nothing if {
	every case in [[set(), set(), set()], [{true}, set(), set()], [{true}, set(), {some_hold}], [{true}, {"no"}, {some_hold}]] {
		decision.from(sets(case[0], case[1], case[2])) == decision.from(more(case[0], case[1], case[2], {"break_glass": set()}))
	}
}

# The requester

alice := {"ns": "https://issuer.example", "id": "alice"}

test_the_requester_stands_beside_every_answer if {
	every case in [[set(), set(), set()], [{true}, set(), set()], [{true}, set(), {some_hold}], [{true}, {"no"}, {some_hold}]] {
		named := decision.from(more(case[0], case[1], case[2], {"requester": {alice}}))
		named.requester == alice
		object.remove(named, ["requester"]) == decision.from(sets(case[0], case[1], case[2]))
	}
}

test_no_requester_is_none if {
	not "requester" in object.keys(decision.from(more({true}, set(), set(), {"requester": set()})))
}

# Denials

test_a_sentence_is_the_detail_of_a_problem if {
	result := decision.from(sets(set(), {"closed on Sundays"}, set()))
	result.headers["content-type"] == "application/problem+json"
	json.unmarshal(result.body) == {"detail": "closed on Sundays", "status": 403}
}

test_a_body_object_becomes_json_with_the_status if {
	result := decision.from(sets(set(), {{"http_status": 409, "body": {"detail": "busy", "by": "x"}}}, set()))
	result.http_status == 409
	json.unmarshal(result.body) == {"detail": "busy", "by": "x", "status": 409}
}

test_a_denial_may_name_its_own_content_type if {
	result := decision.from(sets(set(), {{"headers": {"Content-Type": "application/json", "X-Why": "a"}, "body": {}}}, set()))
	result.headers == {"content-type": "application/json", "x-why": "a"}
}

test_a_body_string_is_sent_as_it_is if {
	result := decision.from(sets(set(), {{"headers": {"Content-Type": "text/html"}, "body": "<p>no"}}, set()))
	result == {"allowed": false, "http_status": 403, "headers": {"content-type": "text/html"}, "body": "<p>no"}
}

test_a_denial_without_a_body_has_none if {
	decision.from(sets(set(), {{"http_status": 401}}, set())) == {"allowed": false, "http_status": 401}
}

test_a_denial_passes_its_metadata_on if {
	result := decision.from(sets(set(), {{"dynamic_metadata": {"why": "x"}}}, set()))
	result.dynamic_metadata == {"why": "x"}
}

test_the_lowest_status_of_several_denials_answers if {
	result := decision.from(sets(set(), {"a", {"http_status": 401, "body": {"detail": "z"}}, {"http_status": 404}}, set()))
	result.http_status == 401
	json.unmarshal(result.body).detail == "z"
}

test_of_equal_denials_the_first_in_order_answers if {
	result := decision.from(sets(set(), {"b", "a", "c"}, set()))
	json.unmarshal(result.body).detail == "a"
}

# Allows

test_several_allows_are_merged if {
	result := decision.from(sets(
		{
			true,
			{"headers": {"X-A": "1"}, "request_headers_to_remove": ["b", "a"]},
			{"headers": {"x-b": ["2", "3"]}, "request_headers_to_remove": ["c", "a"]},
			{"dynamic_metadata": {"m": 1}, "query_parameters_to_remove": ["q"]},
			{"query_parameters_to_set": {"Q": "1"}, "response_headers_to_add": {"X-R": "1"}},
		},
		set(), set(),
	))
	result == {
		"allowed": true,
		"headers": {"x-a": "1", "x-b": ["2", "3"]},
		"request_headers_to_remove": ["a", "b", "c"],
		"dynamic_metadata": {"m": 1},
		"query_parameters_to_remove": ["q"],
		"query_parameters_to_set": {"Q": "1"},
		"response_headers_to_add": {"x-r": "1"},
	}
}

test_allows_that_agree_are_merged if {
	result := decision.from(sets({{"headers": {"X-A": "1"}}, {"headers": {"x-a": "1"}}}, set(), set()))
	result == {"allowed": true, "headers": {"x-a": "1"}}
}

# Malformed entries: no result, whatever else was said

test_a_malformed_entry_leaves_no_result if {
	every case in malformed {
		not decision.from(sets(case.allow, case.deny, case.hold))
	}
}

malformed := [
	# A demand in the wrong set.
	{"allow": {some_hold}, "deny": set(), "hold": set()},
	{"allow": {{"allowed": true}}, "deny": set(), "hold": set()},
	{"allow": {false}, "deny": set(), "hold": set()},
	{"allow": {"yes"}, "deny": set(), "hold": set()},
	{"allow": {null}, "deny": set(), "hold": set()},
	{"allow": {1}, "deny": set(), "hold": set()},
	{"allow": {{"headers": ["x"]}}, "deny": set(), "hold": set()},
	{"allow": {{"request_headers_to_remove": "x"}}, "deny": set(), "hold": set()},
	{"allow": {{"headers": {"X-Role": "a"}}, {"headers": {"x-role": "b"}}}, "deny": set(), "hold": set()},
	{"allow": {{"headers": {"X-Role": "a", "x-role": "b"}}}, "deny": set(), "hold": set()},
	{"allow": {{"dynamic_metadata": {"a": 1}}, {"dynamic_metadata": {"a": 2}}}, "deny": set(), "hold": set()},
	# A malformed denial must not make way for the allow beside it.
	{"allow": {true}, "deny": {true}, "hold": set()},
	{"allow": {true}, "deny": {{"http_satus": 404}}, "hold": set()},
	{"allow": {true}, "deny": {{"http_status": 200}}, "hold": set()},
	{"allow": {true}, "deny": {{"http_status": 600}}, "hold": set()},
	{"allow": {true}, "deny": {{"http_status": 403.5}}, "hold": set()},
	{"allow": {true}, "deny": {{"http_status": "403"}}, "hold": set()},
	{"allow": {true}, "deny": {{"headers": "x"}}, "hold": set()},
	{"allow": {true}, "deny": {{"headers": {"A": "1", "a": "2"}}}, "hold": set()},
	{"allow": {true}, "deny": {{"dynamic_metadata": []}}, "hold": set()},
	{"allow": {true}, "deny": {{"body": 1}}, "hold": set()},
	{"allow": {true}, "deny": {{"approval": {}}}, "hold": set()},
	# Neither must a malformed hold.
	{"allow": {true}, "deny": set(), "hold": {"sre"}},
	{"allow": {true}, "deny": set(), "hold": {true}},
	{"allow": {true}, "deny": set(), "hold": {{"approvers": [{"group": "sre"}]}}},
	{"allow": {true}, "deny": set(), "hold": {{"rule": "r", "aprovers": [{"group": "sre"}]}}},
]

test_a_malformed_optional_set_leaves_no_result if {
	every rest in [
		{"break_glass": {true}},
		{"break_glass": {{"rule": "r"}}},
		{"break_glass": {some_glass, object.union(some_glass, {"rule": "other"})}},
		{"break_glass": some_glass},
		{"break_glass": {object.union(some_glass, {"approvers": []})}},
		{"requester": {"alice"}},
		{"requester": alice},
		{"requester": {alice, {"ns": "https://issuer.example", "id": "bob"}}},
		{"requesters": {alice}},
	] {
		not decision.from(more({true}, set(), set(), rest))
	}
}

test_what_is_no_set_leaves_no_result if {
	not decision.from(sets(true, set(), set()))
	not decision.from(sets({true}, [], set()))
	not decision.from(sets({true}, set(), some_hold))
}

test_a_missing_or_misspelt_set_leaves_no_result if {
	not decision.from({"allow": {true}, "deny": set()})
	not decision.from({"allow": {true}, "denny": {"no"}, "hold": set()})
	not decision.from({"allow": {true}, "deny": set(), "hold": set(), "held": set()})
}
