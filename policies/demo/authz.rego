# METADATA
# title: Demo
# description: |
#   The decision that Envoy's requests get in the demo. `allow` is the whole result document; the
#   rules beside this file fill the four sets it is made of. Save an edit, and the next request
#   is judged by it.
# schemas:
#   - input: schema.holdgate.input
package envoy.authz

import data.holdgate.decision
import data.holdgate.directory

# METADATA
# title: The result document
# description: Asked for at `POST /v1/data/envoy/authz/allow`, Holdgate's default decision path.
# entrypoint: true
allow := decision.from({"allow": permit, "deny": deny, "hold": hold, "break_glass": break_glass})

# METADATA
# title: The person who sends the request
# description: From the claims of the token that Envoy has verified, never from a plain header.
caller := directory.find(claims.iss, claims.sub)

claims := input.attributes.metadataContext.filterMetadata["envoy.filters.http.jwt_authn"].jwt

method := input.attributes.request.http.method

# METADATA
# title: The path's segments
# description: |
#   Only of a path that is spelled plainly. `parsed_path` is percent-decoded and has lost its
#   leading slashes, so `/resources%2Fdb`, `//resources/db` and `/resources/db` look alike in it,
#   while what stands behind Envoy may well tell them apart.
segments := input.parsed_path if {
	path := split(input.attributes.request.http.path, "?")[0]
	path == sprintf("/%s", [concat("/", input.parsed_path)])
}

deny contains "the token's issuer and subject belong to nobody in the directory" if not caller

# Envoy lets a request without a token through to the policy; a bad token it refuses itself. Of two
# denials the lower status answers.
deny contains {
	"http_status": 401,
	"headers": {"www-authenticate": "Bearer"},
	"body": {"detail": "a bearer token is needed"},
} if {
	not claims
}
