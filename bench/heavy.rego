# METADATA
# title: What the bench asks to overload a check server
# description: |
#   The same as bench/policy.rego, after some milliseconds of work, so that ten times as many
#   requests as can be judged are still few enough for an Envoy on one core.
package envoy.heavy

allow := data.envoy.authz.allow if {
	sum([number | some number in numbers.range(1, 800); number % 7 == 0]) > 0
}
