package envoy.authz_test

import data.envoy.authz

nobody := "the token's issuer and subject belong to nobody in the directory"

test_a_stranger_is_told_so if {
	result := authz.allow with input as get("zoe", ["resources"])
	result.allowed == false
	result.http_status == 403
	detail(result) == nobody
}

test_a_stranger_is_told_nothing_else if {
	every denied in [delete("zoe", "db-orders"), deploy("zoe", {}), get("zoe", ["admin"])] {
		result := authz.allow with input as denied
		result.http_status == 403
		detail(result) == nobody
	}
}

test_a_token_of_another_issuer_is_a_stranger if {
	other := json.patch(get("alice", ["resources"]), [{
		"op": "replace",
		"path": "/attributes/metadataContext/filterMetadata/envoy.filters.http.jwt_authn/jwt/iss",
		"value": "https://other.invalid",
	}])
	detail(authz.allow) == nobody with input as other
}

test_missing_claims_are_a_stranger if {
	every claim in ["iss", "sub"] {
		path := sprintf("/attributes/metadataContext/filterMetadata/envoy.filters.http.jwt_authn/jwt/%s", [claim])
		without := json.patch(get("alice", ["resources"]), [{"op": "remove", "path": path}])
		detail(authz.allow) == nobody with input as without
	}
}

test_without_a_token_one_is_asked_for if {
	without := json.remove(get("alice", ["resources"]), ["/attributes/metadataContext"])
	authz.allow == unauthorized with input as without
}

test_a_header_makes_nobody_a_person if {
	claimed := json.patch(
		json.remove(get("alice", ["resources"]), ["/attributes/metadataContext"]),
		[{"op": "add", "path": "/attributes/request/http/headers", "value": {"x-user": "alice", "x-jwt-sub": "alice"}}],
	)
	authz.allow == unauthorized with input as claimed
}

unauthorized := {
	"allowed": false,
	"http_status": 401,
	"headers": {"content-type": "application/problem+json", "www-authenticate": "Bearer"},
	"body": "{\"detail\":\"a bearer token is needed\",\"status\":401}",
}

test_an_identity_of_two_persons_is_a_stranger if {
	shared := [{"ns": issuer, "id": "alice"}]
	detail(authz.allow) == nobody with input as delete("alice", "db-orders")
		with data.directory.people as {
			"alice": {"groups": ["admin"], "identities": shared},
			"mallory": {"groups": [], "identities": shared},
		}
}

test_an_empty_input_is_denied if {
	authz.allow == unauthorized with input as {}
}

test_a_path_that_no_rule_knows_is_denied_with_the_reason if {
	result := authz.allow with input as get("alice", ["admin"])
	result.allowed == false
	result.http_status == 403
	result.headers == {"content-type": "application/problem+json"}
	detail(result) == no_rule
}

test_the_root_is_no_resource if {
	detail(authz.allow) == no_rule with input as request("alice", "GET", "/", [""])
}

# The same segments, spelled in other ways.

test_a_query_is_no_part_of_the_path if {
	authz.allow == {"allowed": true} with input as request("dave", "GET", "/resources?all=1", ["resources"])
	authz.allow == {"allowed": true} with input as request("dave", "GET", "/resources?", ["resources"])
	authz.allow == {"allowed": true} with input as request("dave", "GET", "/resources?next=/admin?", ["resources"])
}

test_other_spellings_of_a_path_are_denied if {
	every path in spellings {
		result := authz.allow with input as request("alice", "DELETE", path, ["resources", "cache-orders"])
		result.allowed == false
		detail(result) == no_rule
	}
}

test_the_plain_spelling_is_allowed if {
	authz.allow == {"allowed": true} with input as request("alice", "DELETE", "/resources/cache-orders", ["resources", "cache-orders"])
}

spellings := [
	"/resources%2Fcache-orders",
	"/resources%2fcache-orders",
	"//resources/cache-orders",
	"/resources/cache%2Dorders",
	"/%72esources/cache-orders",
	"resources/cache-orders",
	"/resources/cache-orders#",
]

test_no_path_is_denied if {
	nowhere := json.remove(get("alice", ["resources"]), ["/attributes/request/http/path"])
	detail(authz.allow) == no_rule with input as nowhere
	unparsed := json.remove(get("alice", ["resources"]), ["/parsed_path"])
	detail(authz.allow) == no_rule with input as unparsed
}

# The people, resources and windows that are shipped.

test_everybody_who_is_shipped_can_be_found if {
	every id, _ in data.directory.people {
		authz.caller.id == id with input as get(id, ["resources"])
	}
}

test_every_demand_can_be_met_by_somebody_else if {
	every demanding in [
		delete("alice", "db-orders"),
		deploy("alice", {"service": "web", "environment": "production", "version": "1"}),
	] {
		held := authz.allow with input as demanding
		every seat in held.approval.approvers {
			some id, person in data.directory.people
			id != "alice"
			seat.group in person.groups
		}
	}
}
