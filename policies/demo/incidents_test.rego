package envoy.authz_test

import data.envoy.authz

outage := {"id": "INC-7", "resource": "db-orders"}

broken(ids) := {"allowed": true, "approval": {
	"break_glass": {"group": "sre", "review_within": "24h"},
	"rule": "delete-in-incident",
	"reason": "deletes a production resource during an incident",
	"notify": "prod-changes",
	"show": [
		{"title": "Incident", "value": ids},
		{"title": "Resource", "value": "db-orders"},
	],
}}

test_sre_breaks_the_glass_during_an_incident if {
	every person in ["bob", "carol"] {
		authz.allow == broken("INC-7") with input as delete(person, "db-orders") with data.incidents as [outage]
	}
}

test_several_incidents_about_one_resource_are_all_named if {
	authz.allow == broken("INC-7, INC-8") with input as delete("bob", "db-orders")
		with data.incidents as [object.union(outage, {"id": "INC-8"}), outage]
}

test_without_an_incident_nobody_does if {
	every incidents in [[], [object.union(outage, {"resource": "db-legacy"})], [{"id": "INC-7"}], [{"resource": "db-orders"}], [object.union(outage, {"id": 7})]] {
		result := authz.allow with input as delete("bob", "db-orders") with data.incidents as incidents
		result.http_status == 403
		detail(result) == "only an admin may delete a resource"
	}
}

test_the_demo_starts_without_incidents if {
	data.incidents == []
}

test_an_admin_who_is_not_sre_is_held_as_ever if {
	result := authz.allow with input as delete("alice", "db-orders") with data.incidents as [outage]
	result.allowed == false
	result.approval.rule == "delete-resource"
}

test_an_admin_from_sre_need_not_wait if {
	authz.allow == broken("INC-7") with input as delete("alice", "db-orders")
		with data.incidents as [outage]
		with data.directory.people.alice.groups as ["admin", "sre"]
}

test_others_are_denied_as_ever if {
	result := authz.allow with input as delete("dave", "db-orders") with data.incidents as [outage]
	detail(result) == "only an admin may delete a resource"
}

test_an_incident_is_about_production_and_what_is_active if {
	every resource in ["cache-orders", "db-legacy", "bucket-old", "unknown"] {
		result := authz.allow with input as delete("bob", resource)
			with data.incidents as [{"id": "INC-7", "resource": resource}]
		detail(result) == "only an admin may delete a resource"
	}
}

test_an_incident_allows_a_deletion_and_nothing_else if {
	every method in ["PUT", "POST", "PATCH", "delete"] {
		result := authz.allow with input as request("bob", method, "/resources/db-orders", ["resources", "db-orders"])
			with data.incidents as [outage]
		detail(result) == no_rule
	}
	authz.allow == {"allowed": true} with input as get("bob", ["resources", "db-orders"]) with data.incidents as [outage]
}

test_nobody_without_a_token_does if {
	result := authz.allow with input as json.remove(delete("bob", "db-orders"), ["attributes/metadataContext"])
		with data.incidents as [outage]
	result.http_status == 401
}
