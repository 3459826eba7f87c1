# Inputs for the tests beside this file, in the shape that Holdgate sends.
package envoy.authz_test

issuer := "https://issuer.demo.holdgate.invalid"

request(sub, method, path, segments) := {
	"attributes": {
		"request": {"http": {"method": method, "path": path}},
		"metadataContext": {"filterMetadata": {"envoy.filters.http.jwt_authn": {"jwt": {
			"iss": issuer,
			"sub": sub,
			"name": "as the token has it",
		}}}},
	},
	"parsed_path": segments,
}

get(sub, segments) := request(sub, "GET", sprintf("/%s", [concat("/", segments)]), segments)

delete(sub, id) := request(sub, "DELETE", sprintf("/resources/%s", [id]), ["resources", id])

deploy(sub, body) := object.union(
	request(sub, "POST", "/deployments", ["deployments"]),
	{"parsed_body": body},
)

detail(result) := json.unmarshal(result.body).detail

no_rule := "no rule of the policy allows this request"
