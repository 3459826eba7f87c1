package envoy.authz_test

import data.envoy.authz

to_production := {"service": "web", "environment": "production", "version": "1.4.2"}

to_staging := object.union(to_production, {"environment": "staging"})

window := {"name": "launch", "start": "2026-03-01T12:00:00Z", "end": "2026-03-02T12:00:00+01:00"}

at(instant) := time.parse_rfc3339_ns(instant)

outcome({"allowed": false, "approval": _}) := "held"

outcome({"allowed": false, "http_status": 403, "headers": _, "body": _}) := "denied"

test_a_deployment_to_staging_is_allowed if {
	authz.allow == {"allowed": true} with input as deploy("alice", to_staging)
}

test_a_deployment_to_production_is_held if {
	result := authz.allow with input as deploy("alice", to_production)
	result == {"allowed": false, "approval": {
		"rule": "deploy-production",
		"reason": "deploys to production",
		"approvers": [{"group": "release", "count": 1}],
		"expires_in": "30m",
		"grant": {"uses": 1, "valid_for": "15m"},
		"notify": "prod-changes",
		"show": [
			{"title": "Service", "value": "web"},
			{"title": "Version", "value": "1.4.2"},
			{"title": "Environment", "value": "production"},
		],
	}}
}

test_only_a_deployer_deploys if {
	every person in ["bob", "carol", "dave"] {
		every body in [to_production, to_staging, {}] {
			result := authz.allow with input as deploy(person, body)
			result.http_status == 403
			detail(result) == "only a deployer may deploy"
		}
	}
}

test_other_methods_and_paths_deploy_nothing if {
	every other in [
		request("alice", "GET", "/deployments", ["deployments"]),
		request("alice", "PUT", "/deployments", ["deployments"]),
		request("alice", "POST", "/deployments/", ["deployments", ""]),
		request("alice", "POST", "/deployments/web", ["deployments", "web"]),
	] {
		detail(authz.allow) == no_rule with input as object.union(other, {"parsed_body": to_staging})
	}
}

# The body

test_a_bad_body_is_answered_with_400 if {
	every body in bad_bodies {
		result := authz.allow with input as deploy("alice", body)
		result.allowed == false
		result.http_status == 400
		startswith(detail(result), "the body must be JSON with a service, a version and an environment")
	}
}

bad_bodies := [
	{},
	[],
	"production",
	null,
	[to_production],
	object.remove(to_production, ["service"]),
	object.remove(to_production, ["environment"]),
	object.remove(to_production, ["version"]),
	object.union(to_staging, {"force": true}),
	object.union(to_staging, {"Environment": "production"}),
	object.union(to_staging, {"environment": "Production"}),
	object.union(to_staging, {"environment": "production "}),
	object.union(to_staging, {"environment": ["staging"]}),
	object.union(to_staging, {"service": ""}),
	object.union(to_staging, {"service": "Web"}),
	object.union(to_staging, {"service": "web\n"}),
	object.union(to_staging, {"service": "../web"}),
	object.union(to_staging, {"service": 1}),
	object.union(to_staging, {"service": concat("", ["w" | some _ in numbers.range(1, 64)])}),
	object.union(to_staging, {"version": ""}),
	object.union(to_staging, {"version": "1 2"}),
	object.union(to_staging, {"version": "-1"}),
	object.union(to_staging, {"version": null}),
	object.union(to_staging, {"version": concat("", ["1" | some _ in numbers.range(1, 65)])}),
]

test_a_body_of_the_longest_names_is_good if {
	body := {
		"service": concat("", ["w" | some _ in numbers.range(1, 63)]),
		"environment": "staging",
		"version": concat("", ["1" | some _ in numbers.range(1, 64)]),
	}
	authz.allow == {"allowed": true} with input as deploy("alice", body)
}

test_an_absent_or_cut_body_is_answered_with_400 if {
	absent := request("alice", "POST", "/deployments", ["deployments"])
	authz.allow.http_status == 400 with input as absent
	authz.allow.http_status == 400 with input as object.union(absent, {"truncated_body": true})
}

# Freezes

test_a_freeze_stops_production_and_says_until_when if {
	result := authz.allow with input as deploy("alice", to_production)
		with data.freezes as [window]
		with time.now_ns as at("2026-03-02T00:00:00Z")
	result.allowed == false
	result.http_status == 403
	result.headers == {"content-type": "application/problem+json"}
	json.unmarshal(result.body) == {
		"status": 403,
		"detail": "no deployments to production during the freeze \"launch\", which ends at 2026-03-02T12:00:00+01:00",
		"freeze": {"name": "launch", "ends_at": "2026-03-02T12:00:00+01:00"},
	}
}

test_a_freeze_beats_an_approval_given_before if {
	result := authz.allow with input as object.union(deploy("alice", to_production), {"approval": {"id": "p0-1", "uses_left": 1}})
		with data.freezes as [window]
		with time.now_ns as at("2026-03-02T00:00:00Z")
	result.http_status == 403
	not "approval" in object.keys(result)
}

test_a_freeze_does_not_stop_staging if {
	authz.allow == {"allowed": true} with input as deploy("alice", to_staging)
		with data.freezes as [window]
		with time.now_ns as at("2026-03-02T00:00:00Z")
}

test_a_freeze_begins_at_its_start_and_is_over_at_its_end if {
	# The end is written with an offset: 12:00+01:00 is 11:00Z.
	every edge in [
		{"now": at("2026-03-01T12:00:00Z") - 1, "answer": "held"},
		{"now": at("2026-03-01T12:00:00Z"), "answer": "denied"},
		{"now": at("2026-03-02T11:00:00Z") - 1, "answer": "denied"},
		{"now": at("2026-03-02T11:00:00Z"), "answer": "held"},
	] {
		result := authz.allow with input as deploy("alice", to_production)
			with data.freezes as [window]
			with time.now_ns as edge.now
		outcome(result) == edge.answer
	}
}

test_the_shipped_freezes_are_read if {
	authz.allow.http_status == 403 with input as deploy("alice", to_production)
		with time.now_ns as at("2024-12-25T00:00:00Z")
	authz.allow.http_status == 403 with input as deploy("alice", to_production)
		with time.now_ns as at("2099-12-25T00:00:00Z")
	authz.allow.approval.rule == "deploy-production" with input as deploy("alice", to_production)
		with time.now_ns as at("2026-03-01T00:00:00Z")
}

test_a_freeze_that_cannot_be_read_keeps_the_gate_shut if {
	every broken in [
		object.union(window, {"start": "1 March"}),
		object.union(window, {"end": "2 March"}),
		object.union(window, {"end": window.start}),
		object.union(window, {"start": window.end, "end": window.start}),
		object.remove(window, ["start"]),
		object.remove(window, ["end"]),
		object.remove(window, ["name", "start"]),
		{},
	] {
		every now in [at("2026-01-01T00:00:00Z"), at("2027-01-01T00:00:00Z")] {
			result := authz.allow with input as deploy("alice", to_production)
				with data.freezes as [broken]
				with time.now_ns as now
			result.http_status == 403
			json.unmarshal(result.body).freeze
		}
	}
}

test_freezes_that_are_no_list_keep_the_gate_shut if {
	every odd in ["launch", null, ["launch"], window] {
		result := authz.allow with input as deploy("alice", to_production)
			with data.freezes as odd
		result.http_status == 403
	}
}

test_without_a_freeze_production_is_held if {
	authz.allow.approval.rule == "deploy-production" with input as deploy("alice", to_production)
		with data.freezes as []
}
