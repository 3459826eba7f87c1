package system.log_test

import data.system.log

# What the log shows of a decision. OPA applies the entries of the mask in order.
shown(event) := {"input": replacement("/input", masks), "result": replacement("/result", masks)} if {
	masks := log.mask with input as event
}

replacement(path, masks) := entry.value if {
	some entry in masks
	entry.op == "upsert"
	entry.path == path
}

replacement(path, masks) := "removed" if {"op": "remove", "path": path} in masks

replacement(path, masks) := "untouched" if {
	every entry in masks {
		entry.path != path
	}
}

http(fields) := {"attributes": {"request": {"http": fields}}}

shown_http(fields) := shown({"input": http(fields), "result": {"allowed": true}}).input.attributes.request.http

shown_headers(fields) := shown_http({"headers": fields}).headers

test_what_is_no_secret_stays if {
	event := {
		"input": {
			"attributes": {
				"source": {"address": {"socketAddress": {"address": "192.0.2.1", "portValue": 40000}}},
				"request": {
					"time": "2026-03-01T12:00:00Z",
					"http": {
						"id": "1", "method": "DELETE", "path": "/resources/db-orders", "host": "example",
						"headers": {":path": "/resources/db-orders", "user-agent": "curl"},
					},
				},
				"metadataContext": {"filterMetadata": {"envoy.filters.http.jwt_authn": {"jwt": {"iss": "i", "sub": "alice"}}}},
			},
			"parsed_path": ["resources", "db-orders"],
			"approval": {"id": "p0-1", "votes": [{"by": {"ns": "i", "id": "bob"}, "at": "2026-03-01T12:00:00Z"}]},
			"version": {"ext_authz": "v3", "encoding": "protojson"},
		},
		"result": {"allowed": false, "approval": {
			"rule": "delete-resource",
			"bind": {"headers": ["x-tenant"], "body": false},
			"show": [{"title": "Resource", "value": "db-orders"}],
		}},
	}
	shown(event) == event
}

test_headers_that_carry_credentials_go if {
	every name in [
		"authorization", "Authorization", "AUTHORIZATION", "proxy-authorization", "Proxy-Authorization",
		"proxy_authorization", "cookie", "Cookie", "set-cookie", "Set-Cookie", "SET_COOKIE",
		"x-approval-ticket", "X-Approval-Ticket", "x_approval_ticket", "x-approval-receipt", "x-approval-",
		"x-api-key", "X-Api-Key", "apikey", "x-auth-token", "x-csrf-token", "x-amz-security-token",
		"x-hub-signature-256", "x-session-id", "x-client-secret", "x-goog-iap-jwt-assertion", "x-original-authorization",
	] {
		shown_headers({name: "hidden", "x-kept": "kept"}) == {"x-kept": "kept"}
	}
}

test_other_headers_stay if {
	every name in ["accept", "x-approval", "x-approvals", "x-request-id", "author", "content-type"] {
		shown_headers({name: "kept"}) == {name: "kept"}
	}
}

test_a_header_name_with_odd_characters_hides_nothing_from_the_mask if {
	shown_headers({"x-approval-~%2F/": "hidden", "x~a%2Fb": "/p?hidden"}) == {"x~a%2Fb": "/p?redacted"}
}

test_a_header_with_several_values_goes_whole if {
	shown_headers({"authorization": ["hidden", "hidden"], "accept": ["a", "/b?hidden"], "x-kept": "kept"}) == {"x-kept": "kept"}
}

test_raw_headers_go_whole if {
	raw := {"headers": [{"key": "Cookie", "rawValue": "aGlkZGVu"}, {"key": ":path", "rawValue": "L3A/aGlkZGVu"}]}
	shown_http({"method": "GET", "headerMap": raw}) == {"method": "GET"}
	shown_http({"method": "GET", "header_map": raw}) == {"method": "GET"}
}

test_bodies_go if {
	every name in ["body", "rawBody", "raw_body"] {
		shown_http({"method": "POST", name: "hidden"}) == {"method": "POST"}
	}
	every body in ["hidden", {"a": "hidden"}, ["hidden"], 1, null, true] {
		shown({"input": {"parsed_body": body, "truncated_body": false}, "result": true}).input == {"truncated_body": false}
	}
}

test_queries_go_from_paths if {
	every case in [
		["/a?hidden", "/a?redacted"],
		["/a?", "/a?redacted"],
		["/a?b=hidden?c", "/a?redacted"],
		["/a#hidden", "/a?redacted"],
		["?hidden\nhidden", "?redacted"],
		["/a%3Fb", "/a%3Fb"],
		["/a", "/a"],
	] {
		shown_http({"path": case[0], "headers": {":path": case[0], "referer": case[0], "x-original-url": case[0]}}) == {
			"path": case[1],
			"headers": {":path": case[1], "referer": case[1], "x-original-url": case[1]},
		}
	}
}

test_queries_go_as_fields if {
	shown_http({"method": "GET", "query": "hidden", "fragment": "hidden"}) == {"method": "GET"}
	shown({"input": {"parsed_query": {"hidden": ["hidden"]}, "a": 1}, "result": true}).input == {"a": 1}
}

test_a_field_that_the_mask_does_not_know_goes if {
	shown_http({"method": "GET", "newBody": "hidden"}) == {"method": "GET"}
	event := {"input": object.union(http({}), {"parsedBody": "hidden", "version": {}}), "result": {"allowed": true, "text": "hidden"}}
	shown(event).input == object.union(http({}), {"version": {}})
	shown(event).result == {"allowed": true}
}

test_a_request_of_an_odd_shape_is_not_shown if {
	every odd in ["hidden", ["hidden"], null, 7] {
		shown({"input": http(odd), "result": {"allowed": true}}).input == "removed"
	}
	shown_http({"method": "GET", "path": ["/hidden"], "headers": "hidden"}) == {"method": "GET"}
	shown_http({"headers": ["authorization: hidden", {"cookie": "hidden", "x-kept": "kept"}]}) == {"headers": [{"x-kept": "kept"}]}
}

test_what_is_asked_about_a_path_loses_the_query if {
	every case in [
		["/a?hidden", "/a?redacted"],
		["/a\n?hidden", "/a\n?redacted"],
		["https://host/a?hidden", "https://host/a?redacted"],
		["is it done?", "is it done?"],
	] {
		shown({"input": {"said": [case[0]]}, "result": true}).input == {"said": [case[1]]}
	}
}

test_a_ticket_in_a_question_about_a_vote_is_masked_too if {
	asked := {"action": "approve", "ticket": {"request": {
		"path": "/a?hidden",
		"headers": [{"authorization": "hidden"}, {"x-kept": "/b?hidden"}],
		"body": "hidden",
	}}}
	shown({"input": asked, "result": true}).input == {"action": "approve", "ticket": {"request": {
		"path": "/a?redacted",
		"headers": [{}, {"x-kept": "/b?redacted"}],
	}}}
}

test_the_result_is_masked_too if {
	every headers in [{"set-cookie": "hidden", "location": "/a?hidden"}, [{"set-cookie": "hidden"}, {"location": "/a?hidden"}]] {
		masked := shown({"input": {}, "result": {
			"allowed": false,
			"headers": headers,
			"response_headers_to_add": {"X-Session": "hidden"},
			"query_parameters_to_set": {"key": "hidden"},
			"body": "hidden",
		}}).result
		masked.response_headers_to_add == {}
		not "body" in object.keys(masked)
		not "query_parameters_to_set" in object.keys(masked)
		not contains(json.marshal(masked), "hidden")
		contains(json.marshal(masked), "/a?redacted")
	}
}

test_a_person_from_the_directory_stays if {
	event := {"input": {"ns": "i", "id": "bob"}, "result": {"id": "bob", "name": "Bob", "groups": ["sre"]}}
	shown(event) == event
}

test_a_boolean_result_stays if {
	shown({"input": {}, "result": true}).result == "untouched"
	shown({"input": {}, "result": false}).result == "untouched"
}

test_what_is_no_object_is_not_shown if {
	every odd in ["hidden", ["hidden"], 7, null] {
		shown({"input": odd, "result": odd}) == {"input": "removed", "result": "removed"}
	}
}

test_an_event_without_input_or_result_shows_none if {
	shown({}) == {"input": "removed", "result": "untouched"}
}

test_what_http_send_saw_goes if {
	{"op": "remove", "path": "/nd_builtin_cache"} in log.mask with input as {}
}
