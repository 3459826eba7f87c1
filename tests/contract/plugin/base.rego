# Asks the policy of the case that the request names in its context extensions; without a name, the answer is the
# input itself.
package envoy.authz

chosen := input.attributes.contextExtensions["case"]

allow := data.cases[chosen].allow

allow := {"allowed": false, "body": json.marshal(input)} if not chosen
