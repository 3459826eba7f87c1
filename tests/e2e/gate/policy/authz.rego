# METADATA
# title: The whole gate's policy in tests
# description: |
#   The first segment of the path says what the policy says. A result document that a test put under
#   `data.verdicts`, by the last segment of the path, goes before that, whatever it is.
package envoy.authz

# METADATA
# entrypoint: true
allow := data.verdicts[name] if {
	name in object.keys(data.verdicts)
} else := {"allowed": true} if {
	kind == "open"
} else := demand({"uses": 1}) if {
	kind == "hold"
} else := demand({"uses": 2}) if {
	kind == "twice"
} else := object.union(demand({"uses": 1}), {"approval": {"bind": {"headers": ["x-tenant"]}}}) if {
	kind == "bound"
} else := {"allowed": true} if {
	kind == "shown"
	input.approval.rule == "shown"
} else := demand({"uses": 1}) if {
	kind == "shown"
} else := {"allowed": false, "http_status": 403, "body": "the policy says no"} if {
	kind == "closed"
}

demand(grant) := {
	"allowed": false,
	"approval": {
		"rule": kind,
		"reason": "a test holds this",
		"approvers": [{"group": "sre", "count": 1}],
		"grant": grant,
	},
}

segments := split(trim_prefix(split(input.attributes.request.http.path, "?")[0], "/"), "/")

kind := segments[0]

name := segments[count(segments) - 1]
