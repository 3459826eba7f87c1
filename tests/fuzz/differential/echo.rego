# Answers with the result that the request brings in its context extensions; without one, with the input itself.
package envoy.authz

result := input.attributes.contextExtensions.result

allow := json.unmarshal(result)

allow := {"allowed": false, "body": json.marshal(input)} if not result
