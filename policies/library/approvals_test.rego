package holdgate.approvals_test

import data.holdgate.approvals

test_a_demand_is_its_argument if {
	approvals.demand({"rule": "r", "approvers": [{"group": "sre"}]}) == {"rule": "r", "approvers": [{"group": "sre"}]}
	approvals.demand(object.union({"rule": "r"}, {"grant": {"uses": 2}})) == {"rule": "r", "grant": {"uses": 2}}
}

test_the_examples_are_for_the_compiler if {
	not approvals.demanded
	not approvals.broken
	approvals.demanded.rule == "" with approvals.compiling as true
	approvals.broken.break_glass.group == "" with approvals.compiling as true
}

test_a_break_glass_is_its_argument if {
	approvals.break_glass({"break_glass": {"group": "sre-leads", "review_within": "24h"}}) == {"break_glass": {
		"group": "sre-leads",
		"review_within": "24h",
	}}
}
