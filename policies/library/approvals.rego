# METADATA
# title: Approvals
# description: |
#   What a rule demands, written so that OPA notices a slip when it loads the policy: a misspelt key
#   or a value of another type doesn't compile. Without these functions the same slip is noticed at
#   the first request that the rule holds, which is then answered with 503.
package holdgate.approvals

# METADATA
# title: A demand for approval
# description: |
#   Returns its argument. `hold contains approvals.demand({"rule": …, "approvers": [{"group": …}]})`.
#   OPA checks the keys of an object that is written out in the call, and the types of whatever is
#   passed. docs/approvals.md says what each key means, and which values Holdgate takes.
# scope: document
demand(fields) := object.union(fields, {}) if not fields == demanded

# METADATA
# title: A break-glass
# description: |
#   Returns its argument. `break_glass contains approvals.break_glass({"rule": …, "break_glass":
#   {"group": …, "review_within": "24h"}})`, checked as a demand is.
# scope: document
break_glass(fields) := object.union(fields, {}) if not fields == broken

# What follows is for OPA's compiler, and undefined when a policy is evaluated. An argument that is
# compared with an example takes the example's type. A type that is read out of an array by a
# variable is any of those in the array. Keys of an example that has a number for a key too may be
# left out; another key than those may not be there. The union is for what comes out: any object,
# to be compared with whatever a test says.
compiling := false

demanded := {
	"rule": "",
	"reason": "",
	"approvers": [seats, {"one_of": [seats | some _ in [example]]}][example],
	"expires_in": "",
	"grant": [
		{"uses": 1},
		{"valid_for": ""},
		{"scope": ""},
		{"uses": 1, "valid_for": ""},
		{"uses": 1, "scope": ""},
		{"valid_for": "", "scope": ""},
		{"uses": 1, "valid_for": "", "scope": ""},
	][example],
	"bind": [{"headers": texts}, {"body": body}, {"headers": texts, "body": body}][example],
	"notify": "",
	"cc": texts,
	"remind_after": "",
	"escalate": {"after": "", "notify": ""},
	"risk": "",
	"justification": "",
	"redeem": "",
	"wait": "",
	"show": lines,
	"http_status": 202,
	example: "",
} if {
	compiling
	some example in [0]
	body := [true, {"ignore": texts}][example]
}

broken := {
	"break_glass": {"group": "", "review_within": ""},
	"rule": "",
	"reason": "",
	"notify": "",
	"cc": texts,
	"show": lines,
	example: "",
} if {
	compiling
	some example in [0]
}

seats := [seat |
	some seat in [
		{"group": ""},
		{"group": "", "count": 1},
		{"user": {"ns": "", "id": ""}},
		{"any": true},
		{"any": true, "count": 1},
	]
]

texts := [text | some text in [""]]

lines := [line | some line in [{"title": "", "value": ""}]]
