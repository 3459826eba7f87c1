# METADATA
# title: Decision log mask
# description: |
#   OPA's decision log shows the whole input and result of every query. This takes out what would
#   let a reader of the log act as somebody else, or read what is only for the upstream: headers
#   that carry credentials, bodies, and everything after the `?` of a path.
#
#   A path loses its query whole, and `parsed_query` goes with it. A list of secret-looking names
#   would miss some, and a name can itself be the secret (`/reset?8f3a…`). That there was a query
#   stays visible, as `?redacted`.
#
#   Raw headers go whole too: their values are base64, in which no query can be found, and
#   `headers` has the same ones.
#
#   Neither `--log-level debug`, which logs bodies as they arrive, nor a query in a URL passes
#   through a mask.
package system.log

# METADATA
# title: Mask
# description: |
#   Input and result are replaced as a whole. OPA skips a pointer to a single key without a word
#   when it can't walk there, and its escaping of such pointers is not that of RFC 6901.
# scope: document
mask contains {"op": "upsert", "path": "/input", "value": shown_input}

mask contains {"op": "upsert", "path": "/result", "value": shown_result}

# What could not be cleaned is not shown. Without this, an undefined rule would be no mask.
mask contains {"op": "remove", "path": "/input"} if not shown_input

mask contains {"op": "remove", "path": "/result"} if {
	not is_boolean(input.result)
	not shown_result
}

# It repeats what `http.send` asked and was answered.
mask contains {"op": "remove", "path": "/nd_builtin_cache"}

# Requests and decisions, nearly all of what is logged, are rebuilt from what may be shown: that
# takes a tenth of the time of walking them, and a field that is new to Envoy doesn't slip through.

shown_input := object.union(object.filter(input.input, shown_keys), {"attributes": attributes}) if {
	http := input.input.attributes.request.http
	is_object(http)
	attributes := json.patch(input.input.attributes, [{
		"op": "replace",
		"path": "/request/http",
		"value": object.union_n([
			object.filter(http, {"id", "method", "host", "scheme", "protocol", "size"}),
			{"path": path | path := without_query(http.path)},
			{"headers": headers | headers := shown_headers(http.headers)},
		]),
	}])
}

shown_keys := {"version", "parsed_path", "truncated_body", "source_principal", "approval"}

shown_result := object.union(object.filter(input.result, shown_result_keys), headers) if {
	is_boolean(input.result.allowed)
	headers := {key: shown |
		some key in ["headers", "response_headers_to_add"]
		shown := shown_headers(input.result[key])
	}
}

# Not the body: it is the policy's own, but may well repeat what was sent.
shown_result_keys := {
	"allowed", "http_status", "approval", "requester", "dynamic_metadata",
	"request_headers_to_remove", "query_parameters_to_remove",
}

shown_headers(headers) := header_map(headers) if is_object(headers)

# A result may have its headers as an array of objects.
shown_headers(headers) := [header_map(part) | some part in headers; is_object(part)] if is_array(headers)

header_map(headers) := {name: without_query(value) |
	some name, value in headers
	not regex.match(credential, name)
}

# Everything else, such as questions about a vote or a person, is walked.

shown_input := cleaned(input.input) if {
	is_object(input.input)
	not input.input.attributes.request.http
}

shown_result := cleaned(input.result) if {
	is_object(input.result)
	not "allowed" in object.keys(input.result)
}

cleaned(document) := json.patch(kept, shortened) if {
	kept := json.remove(document, [steps(path) |
		walk(document, [path, _])
		hidden(path)
	])
	shortened := [{"op": "replace", "path": steps(path), "value": without_query(value)} |
		walk(kept, [path, value])
		is_string(value)
		regex.match(`(?s)^([a-z]+:/)?/.*[?#]`, value)
	]
}

# json.remove passes over a numeric step in silence.
steps(path) := [sprintf("%v", [step]) | some step in path]

hidden(path) if regex.match(credential, path[count(path) - 1])

# `bind.body` of a demand says whether a body is bound; it is no body.
hidden(path) if {
	path[count(path) - 1] in hidden_keys
	not path[count(path) - 2] == "bind"
}

hidden_keys := {
	"body", "rawBody", "raw_body", "parsed_body",
	"query", "raw_query", "parsed_query", "query_parameters_to_set", "fragment",
	"headerMap", "header_map",
}

# Credentials, by the name of the header or key. CGI and WSGI fold `_` into `-`, so either may stand.
credential := concat("|", [
	"(?i)^x[-_]approval[-_]", "authori[sz]ation", "cookie", "token", "secret", "password", "credential",
	"session", "assertion", "signature", "jwt", "api[-_]?key",
])

without_query(text) := regex.replace(text, `(?s)[?#].*`, "?redacted")
