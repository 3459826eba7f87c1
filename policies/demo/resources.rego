package envoy.authz

import data.holdgate.approvals
import data.holdgate.directory
import data.resources

# Everybody who is signed in may look.
permit contains true if {
	caller
	method == "GET"
	segments == ["resources"]
}

permit contains true if {
	caller
	method == "GET"
	resource_id
}

# The classic rule: only an admin deletes a resource, and only while it is active. In staging that
# is all; in production a person from `sre` has to approve it too.
permit contains true if {
	deletable
	target.environment == "staging"
}

hold contains approvals.demand({
	"rule": "delete-resource",
	"reason": "deletes a production resource",
	"approvers": [{"group": "sre", "count": 1}],
	"expires_in": "30m",
	"grant": {"uses": 1, "valid_for": "15m"},
	"notify": "prod-changes",
	"show": [
		{"title": "Resource", "value": resource_id},
		{"title": "Kind", "value": target.kind},
		{"title": "Environment", "value": target.environment},
	],
}) if {
	deletable
	target.environment == "production"
}

deny contains "only an admin may delete a resource" if {
	caller
	method == "DELETE"
	resource_id
	not directory.has_group(caller, "admin")
	count(emergencies) == 0
}

deny contains {"body": {
	"detail": sprintf("the resource is %s; only an active one can be deleted", [target.state]),
	"resource": resource_id,
}} if {
	directory.has_group(caller, "admin")
	target.state != "active"
}

deletable if {
	directory.has_group(caller, "admin")
	target.state == "active"
}

# What the request would delete; undefined for every other request, and for what doesn't exist.
target := resources[resource_id] if method == "DELETE"

resource_id := segments[1] if {
	segments[0] == "resources"
	count(segments) == 2
	segments[1] != ""
}
