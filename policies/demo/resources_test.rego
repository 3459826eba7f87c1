package envoy.authz_test

import data.envoy.authz

# Looking

test_every_person_may_look_at_the_resources if {
	every person in ["alice", "bob", "carol", "dave"] {
		authz.allow == {"allowed": true} with input as get(person, ["resources"])
		authz.allow == {"allowed": true} with input as get(person, ["resources", "db-orders"])
	}
}

test_a_resource_that_is_not_there_is_for_the_upstream_to_say if {
	authz.allow == {"allowed": true} with input as get("dave", ["resources", "unknown"])
}

test_a_trailing_slash_names_no_resource if {
	detail(authz.allow) == no_rule with input as get("alice", ["resources", ""])
	detail(authz.allow) == no_rule with input as get("alice", ["resources", "db-orders", ""])
	detail(authz.allow) == no_rule with input as request("alice", "DELETE", "/resources/", ["resources", ""])
	detail(authz.allow) == no_rule with input as request("alice", "DELETE", "/resources/cache-orders/", ["resources", "cache-orders", ""])
}

test_a_deeper_path_is_no_resource if {
	detail(authz.allow) == no_rule with input as get("alice", ["resources", "db-orders", "keys"])
	detail(authz.allow) == no_rule with input as get("alice", ["other", "db-orders"])
}

test_other_methods_are_denied if {
	every method in ["HEAD", "POST", "PUT", "PATCH", "get", "delete", ""] {
		result := authz.allow with input as request("alice", method, "/resources/cache-orders", ["resources", "cache-orders"])
		detail(result) == no_rule
	}
}

# Deleting

test_an_admin_deletes_in_staging_without_approval if {
	authz.allow == {"allowed": true} with input as delete("alice", "cache-orders")
}

test_an_admin_is_held_in_production if {
	result := authz.allow with input as delete("alice", "db-orders")
	result == {"allowed": false, "approval": {
		"rule": "delete-resource",
		"reason": "deletes a production resource",
		"approvers": [{"group": "sre", "count": 1}],
		"expires_in": "30m",
		"grant": {"uses": 1, "valid_for": "15m"},
		"notify": "prod-changes",
		"show": [
			{"title": "Resource", "value": "db-orders"},
			{"title": "Kind", "value": "database"},
			{"title": "Environment", "value": "production"},
		],
	}}
}

test_the_same_is_demanded_when_the_approved_request_comes_back if {
	first := authz.allow with input as delete("alice", "db-orders")
	again := authz.allow with input as object.union(delete("alice", "db-orders"), {"approval": {
		"id": "p0-1",
		"rule": "delete-resource",
		"votes": [{"by": {"ns": issuer, "id": "bob", "groups": ["sre"]}}],
		"uses_left": 1,
	}})
	again == first
}

test_an_approval_does_not_outlive_the_resource if {
	result := authz.allow with input as object.union(delete("alice", "db-orders"), {"approval": {"id": "p0-1", "uses_left": 1}})
		with data.resources as {"db-orders": {"kind": "database", "environment": "production", "state": "archived"}}
	result.http_status == 403
	not "approval" in object.keys(result)
}

test_only_an_admin_deletes if {
	every person in ["bob", "carol", "dave"] {
		every resource in ["db-orders", "cache-orders", "db-legacy", "unknown"] {
			result := authz.allow with input as delete(person, resource)
			result.http_status == 403
			detail(result) == "only an admin may delete a resource"
		}
	}
}

test_an_archived_resource_stays if {
	every resource in ["db-legacy", "bucket-old"] {
		result := authz.allow with input as delete("alice", resource)
		result.http_status == 403
		json.unmarshal(result.body) == {
			"status": 403,
			"detail": "the resource is archived; only an active one can be deleted",
			"resource": resource,
		}
	}
}

test_what_is_not_there_cannot_be_deleted if {
	detail(authz.allow) == no_rule with input as delete("alice", "unknown")
}

test_all_resources_cannot_be_deleted_at_once if {
	detail(authz.allow) == no_rule with input as request("alice", "DELETE", "/resources", ["resources"])
}

test_a_resource_of_an_unknown_environment_cannot_be_deleted if {
	every resource in [
		{"kind": "vm", "environment": "Production", "state": "active"},
		{"kind": "vm", "environment": "prod-eu", "state": "active"},
		{"kind": "vm", "state": "active"},
	] {
		detail(authz.allow) == no_rule with input as delete("alice", "vm-1")
			with data.resources as {"vm-1": resource}
	}
}

test_a_resource_without_a_state_cannot_be_deleted if {
	detail(authz.allow) == no_rule with input as delete("alice", "vm-1")
		with data.resources as {"vm-1": {"kind": "vm", "environment": "staging"}}
}

test_without_resources_nothing_can_be_deleted if {
	detail(authz.allow) == no_rule with input as delete("alice", "cache-orders")
		with data.resources as {}
}
