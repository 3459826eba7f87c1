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
mask contains {"op": "upsert", "path": "/input", "value": cleaned(input.input)}

mask contains {"op": "upsert", "path": "/result", "value": cleaned(input.result)}

# What could not be cleaned is not shown. Without this, an undefined rule would be no mask.
mask contains {"op": "remove", "path": "/input"} if not cleaned(input.input)

mask contains {"op": "remove", "path": "/result"} if {
	not is_boolean(input.result)
	not cleaned(input.result)
}

# It repeats what `http.send` asked and was answered.
mask contains {"op": "remove", "path": "/nd_builtin_cache"}

credential_headers := {"authorization", "proxy-authorization", "cookie", "set-cookie"}

credential_words := `token|secret|password|credential|authori[sz]ation|cookie|session|assertion|signature|jwt|api-?key`

header_maps := {"headers", "response_headers_to_add"}

hidden_keys := {
	"body", "rawBody", "raw_body", "parsed_body",
	"query", "raw_query", "parsed_query", "query_parameters_to_set", "fragment",
	"headerMap", "header_map",
}

url_keys := {"path", ":path", "raw_path", "url", "uri"}

cleaned(document) := json.patch(kept, shortened) if {
	is_object(document)
	kept := json.remove(document, [steps(path) |
		walk(document, [path, _])
		secret(path)
	])
	shortened := [{"op": "replace", "path": steps(path), "value": without_query(value)} |
		walk(kept, [path, value])
		is_string(value)
		holds_url(path)
		value != without_query(value)
	]
}

# json.remove passes over a numeric step in silence.
steps(path) := [sprintf("%v", [step]) | some step in path]

secret(path) if header_name(path) in credential_headers

secret(path) if startswith(header_name(path), "x-approval-")

secret(path) if {
	in_headers(path)
	regex.match(credential_words, header_name(path))
}

# `bind.body` of a demand says whether a body is bound; it is no body.
secret(path) if {
	path[count(path) - 1] in hidden_keys
	not path[count(path) - 2] == "bind"
}

holds_url(path) if path[count(path) - 1] in url_keys

holds_url(path) if in_headers(path)

# CGI and WSGI fold `_` into `-`, so a credential may be spelled either way.
header_name(path) := replace(lower(path[count(path) - 1]), "_", "-")

in_headers(path) if {
	some step in path
	step in header_maps
}

without_query(text) := regex.replace(text, `(?s)[?#].*`, "?redacted")
