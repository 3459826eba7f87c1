package envoy.authz

import data.freezes
import data.holdgate.approvals
import data.holdgate.directory

permit contains true if {
	deployment.environment == "staging"
	directory.has_group(caller, "deployers")
}

# A deployment to production waits for a person from `release`. `every` says that each window has
# been read and found closed: one whose dates can't be parsed keeps the gate shut.
hold contains approvals.demand({
	"rule": "deploy-production",
	"reason": "deploys to production",
	"approvers": [{"group": "release", "count": 1}],
	"expires_in": "30m",
	"grant": {"uses": 1, "valid_for": "15m"},
	"notify": "prod-changes",
	"show": [
		{"title": "Service", "value": deployment.service},
		{"title": "Version", "value": deployment.version},
		{"title": "Environment", "value": deployment.environment},
	],
}) if {
	deployment.environment == "production"
	directory.has_group(caller, "deployers")
	every window in freezes {
		outside(window)
	}
}

deny contains {"body": {
	"detail": sprintf("no deployments to production during the freeze %q, which ends at %s", [name, end]),
	"freeze": {"name": name, "ends_at": end},
}} if {
	deployment.environment == "production"
	directory.has_group(caller, "deployers")
	some window in freezes
	not outside(window)
	name := object.get(window, "name", "unnamed")
	end := object.get(window, "end", "an unknown time")
}

deny contains "only a deployer may deploy" if {
	caller
	deploying
	not directory.has_group(caller, "deployers")
}

deny contains {"http_status": 400, "body": {"detail": concat(" ", [
	"the body must be JSON with a service, a version and an environment,",
	"which is staging or production; nothing else",
])}} if {
	deploying
	directory.has_group(caller, "deployers")
	not deployment
}

deploying if {
	method == "POST"
	segments == ["deployments"]
}

# The body, once it is all that a deployment needs and no more: an upstream could make something
# of a key that nobody has been shown.
deployment := input.parsed_body if {
	deploying
	object.keys(input.parsed_body) == {"service", "environment", "version"}
	regex.match(`^[a-z][a-z0-9-]{0,62}$`, input.parsed_body.service)
	regex.match(`^[0-9A-Za-z][0-9A-Za-z._-]{0,63}$`, input.parsed_body.version)
	input.parsed_body.environment in {"staging", "production"}
}

# Before its start, or from its end on.
outside(window) if time.now_ns() < bounds(window).start

outside(window) if time.now_ns() >= bounds(window).end

# A window that ends before it starts is a mistake, not a window that is never open.
bounds(window) := {"start": start, "end": end} if {
	start := time.parse_rfc3339_ns(window.start)
	end := time.parse_rfc3339_ns(window.end)
	start < end
}
