# METADATA
# title: What the bench asks
# description: |
#   A policy as people write it for the OPA Envoy plugin: plain allows by method and path, and,
#   for Holdgate alone, one branch that holds.
package envoy.authz

default allow := false

allow if {
	http.method in {"GET", "HEAD"}
	input.parsed_path[0] == "projects"
	"reports" in input.parsed_path
}

allow := {
	"allowed": false,
	"approval": {
		"rule": "delete-project",
		"reason": "deletes a project",
		"approvers": [{"group": "owners", "count": 1}],
	},
} if {
	http.method == "DELETE"
	input.parsed_path[0] == "projects"
}

http := input.attributes.request.http
