package holdgate.demands_test

import data.holdgate.demands

whole := {
	"rule": "delete-production",
	"reason": "deletes a production resource",
	"approvers": [{"group": "sre", "count": 2}, {"any": true}, {"user": {"ns": "n", "id": "carol"}}],
	"expires_in": "30m",
	"grant": {"uses": 1, "valid_for": "15m", "scope": "session"},
	"bind": {"headers": ["x-tenant"], "body": {"ignore": ["/clientToken"]}},
	"notify": "prod-changes",
	"cc": ["release-room"],
	"remind_after": "10m",
	"escalate": {"after": "20m", "notify": "sre-leads"},
	"risk": "high",
	"justification": "required",
	"redeem": "header",
	"wait": "0s",
	"show": [{"title": "Cluster", "value": "prod-eu"}],
	"http_status": 428,
}

choice := {"rule": "r", "approvers": {"one_of": [[{"group": "sre"}], [{"group": "security"}, {"any": true}]]}}

glass := {
	"break_glass": {"group": "sre-leads", "review_within": "24h"},
	"rule": "restore",
	"reason": "restores a backup",
	"notify": "prod-changes",
	"cc": ["release-room"],
	"show": [{"title": "Cluster", "value": "prod-eu"}],
}

test_all_that_a_demand_may_have_is_no_problem if {
	demands.problems("hold", whole) == set()
	demands.problems("hold", choice) == set()
	demands.problems("hold", {"rule": "r", "bind": {"body": false}}) == set()
	demands.problems("break_glass", glass) == set()
}

test_an_unknown_key_is_named_with_its_place if {
	every case in [
		["/aprovers", "an entry of hold has the unknown key aprovers"],
		["/grant/use", "an entry of hold has the unknown key use in grant"],
		["/bind/header", "an entry of hold has the unknown key header in bind"],
		["/bind/body/only", "an entry of hold has the unknown key only in bind.body"],
		["/escalate/when", "an entry of hold has the unknown key when in escalate"],
		["/approvers/0/gruop", "an entry of hold has the unknown key gruop in approvers[]"],
		["/approvers/2/user/name", "an entry of hold has the unknown key name in approvers[].user"],
		["/show/0/url", "an entry of hold has the unknown key url in show[]"],
		["/break_glass", "an entry of hold has the unknown key break_glass"],
	] {
		slip := json.patch(whole, [{"op": "add", "path": case[0], "value": "x"}])
		demands.problems("hold", slip) == {case[1]}
	}
}

test_an_unknown_key_in_an_alternative_is_named if {
	slip := json.patch(choice, [{"op": "add", "path": "/approvers/one_of/1/0/gruop", "value": "x"}])
	demands.problems("hold", slip) == {"an entry of hold has the unknown key gruop in approvers[]"}
	other := json.patch(choice, [{"op": "add", "path": "/approvers/all_of", "value": []}])
	demands.problems("hold", other) == {"an entry of hold has the unknown key all_of in approvers"}
}

test_an_unknown_key_of_a_break_glass_is_named if {
	every case in [
		["/approvers", "an entry of break_glass has the unknown key approvers"],
		["/http_status", "an entry of break_glass has the unknown key http_status"],
		["/break_glass/within", "an entry of break_glass has the unknown key within in its break_glass"],
		["/show/0/url", "an entry of break_glass has the unknown key url in show[]"],
	] {
		slip := json.patch(glass, [{"op": "add", "path": case[0], "value": "x"}])
		demands.problems("break_glass", slip) == {case[1]}
	}
}

test_what_is_missing_is_named if {
	demands.problems("hold", {}) == {"an entry of hold has no rule"}
	demands.problems("hold", {"rule": "r", "escalate": {"after": "1m"}}) == {"an entry of hold has no notify in escalate"}
	demands.problems("break_glass", {"rule": "r"}) == {"an entry of break_glass has no break_glass"}
	demands.problems("break_glass", {"break_glass": {"group": "a"}}) == {"an entry of break_glass has no review_within in its break_glass"}
}

test_what_is_no_object_is_a_problem if {
	every entry in ["sre", true, null, 7, [whole], {whole}] {
		demands.problems("hold", entry) == {"an entry of hold is not an object"}
		demands.problems("break_glass", entry) == {"an entry of break_glass is not an object"}
	}
}

test_values_are_never_named if {
	every problem in demands.problems("hold", {"rule": "r", "reson": "s3cret", "grant": {"use": "s3cret"}}) {
		not contains(problem, "s3cret")
	}
}
