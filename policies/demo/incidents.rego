package envoy.authz

import data.holdgate.approvals
import data.holdgate.directory
import data.incidents

# While an incident about a production resource is open, a person from `sre` deletes it at once,
# admin or not. The room is told in the same moment, and somebody else from `sre` has to look at it
# within a day.
break_glass contains approvals.break_glass({
	"break_glass": {"group": "sre", "review_within": "24h"},
	"rule": "delete-in-incident",
	"reason": "deletes a production resource during an incident",
	"notify": "prod-changes",
	"show": [
		{"title": "Incident", "value": concat(", ", emergencies)},
		{"title": "Resource", "value": resource_id},
	],
}) if {
	count(emergencies) > 0
}

# The open incidents that let this request through; none for nearly every request.
emergencies contains incident.id if {
	directory.has_group(caller, "sre")
	target.environment == "production"
	target.state == "active"
	some incident in incidents
	incident.resource == resource_id
	is_string(incident.id)
}
