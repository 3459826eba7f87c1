"""What a reader of the rendered YAML would wonder about, by the end of the path to it.

A path is the keys from the root, joined by `/`; an item of a list counts by its `name`, or not at all.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

SPELLED_OUT: Final = frozenset(
    {
        "envoy.filters.http.ext_authz/typed_config/clear_route_cache",
        "failure_mode_allow",
        "forward_client_cert_details",
        "healthy_panic_threshold/value",
    }
)
"""Fields whose value is Envoy's default, and that are shown all the same: the gate depends on them."""

BOOTSTRAP_HEADER: Final = """\
Envoy in front of one upstream, with every request going through Holdgate.
Printed by `holdgate envoy-config` from the settings that the server uses; print it again when those change. \
docs/envoy.md explains it at length."""

FRAGMENT_HEADER: Final = """\
What your own Envoy needs to put Holdgate in front of its upstreams: things to merge, not a whole configuration.
Printed by `holdgate envoy-config` from the settings that the server uses; print it again when those change. \
docs/envoy.md shows where each part goes."""

COMMENTS: Final = {
    # the fragment's parts
    "listener": "1. Merge into your listener.",
    "listener/per_connection_buffer_limit_bytes": "At least max_request_bytes, and this is Envoy's default if that \
isn't more. With less, Envoy answers 413 by itself to bodies in between, without a check.",
    "http_connection_manager": "2. Merge into your HttpConnectionManager. Your other filters may stand before or \
after ext_authz, but nothing that changes the request may stand after it: what was approved would not be what runs.",
    "first_route": "3. Put before all other routes of the virtual host.",
    "each_gated_route": "4. Merge into every route to what you protect. Such a route has no retry_policy, no \
request_mirror_policies and no hedge_policy, and neither have its virtual host and cluster: one approved request \
would reach the upstream more than once.",
    "each_waiting_route": "5. For clients that send `prefer: wait=N`. Put a copy of each gated route right before it, \
and merge this into the copy; its headers are added to those that it matches already. Between the two there may be \
no other route that could match: a client's header would lead the request elsewhere.",
    "virtual_host": "Merge into the virtual host, for browsers.",
    # listener and connection manager
    "gate/per_connection_buffer_limit_bytes": "Envoy's default is 1 MiB for every connection. At least \
max_request_bytes, or Envoy answers 413 by itself to bodies in between, without a check.",
    "enable_reuse_port": "With it, another process of the same user could listen on this port too and be given part \
of the connections. A port that is taken is an error instead.",
    "headers_with_underscores_action": "CGI and WSGI upstreams read x_approval_by as x-approval-by. 400 on HTTP/1, \
a reset stream on HTTP/2.",
    "stream_idle_timeout": "Goes on counting while a check is held open, so the longest wait is below it.",
    "http2_protocol_options/initial_stream_window_size": "At least max_request_bytes: Envoy buffers no more of an \
HTTP/2 request than this, and answers 413 by itself beyond it, without a check.",
    "request_headers_timeout": "A client that dribbles its headers is dropped.",
    "use_remote_address": "The client is whoever connects here: its x-forwarded-proto is replaced, its x-forwarded-for \
completed, and its address is in x-envoy-external-address. Behind another proxy set xff_num_trusted_hops as well.",
    "early_header_mutation_extensions": "Before any filter and any route, the client's copies of the headers that \
only Holdgate sets (x-approval-*, but for ticket and justification: RE2 has no lookahead, hence the stair) and of \
those that only Envoy sets (x-envoy-*: retries, timeouts, original path). Removing them on a route instead would \
remove what Holdgate adds.",
    "internal_address_config": "No client's address is trusted with x-envoy-* headers: nothing connects from the \
broadcast address. An empty list would trust every private address, and a client could ask for retries.",
    "forward_client_cert_details": "A client's own x-forwarded-client-cert is removed.",
    "normalize_path": "/a/../admin is /admin for the policy, the route and the upstream alike. Tickets are bound to \
the path that the upstream gets.",
    "path_with_escaped_slashes_action": "What %2F means differs between servers: the policy could see another path \
than the upstream. KEEP_UNCHANGED is for upstreams that need it (GitLab's project ids, npm's scoped packages) and \
for policies that match the raw path; never an UNESCAPE action.",
    "access_log": "No query, authorization, cookie or ticket: a log is read by more people than a request.",
    "route_config": "No route has a retry_policy, a mirror or a hedge: one approved request would reach the \
upstream more than once.",
    # routes
    "ticket_status": "The one path that isn't checked: the state of a ticket, for who has the ticket. It leads to \
the console and to no upstream, and says no more than the 202 said. Only GET, and only one segment after \
tickets/; everything else is checked like any request.",
    "ticket_status/request_headers_to_remove": "The client's credentials for the upstream are none of the \
console's business.",
    "gated/request_headers_to_remove": "Holdgate removes the ticket when it allows; this is for the day it forgets. \
Routes work after the filters, so the check server sees the ticket.",
    "each_gated_route/request_headers_to_remove": "Holdgate removes the ticket when it allows; this is for the day \
it forgets. Routes work after the filters, so the check server sees the ticket. A route that you exempt from the \
check needs it above all.",
    "gated_waiting": "For clients that ask to wait. What the request may do and where it goes is the same as below; \
its check may stay open longer, and has a cluster of its own.",
    "headers/prefer": "RFC 7240; repeated headers are joined with a comma. Too much matches rather than too little \
(x-wait, a quoted wait): the route only gives the check server time, whether anybody waits is decided there.",
    "gated/route/timeout": "No total limit: an approved request that Envoy cut off would be a used approval. \
stream_idle_timeout ends a silent one.",
    "gated/typed_per_filter_config/envoy.filters.http.cors": "Pages on these origins may send requests with \
credentials and read what a hold says. Preflights of others are checked like any request.",
    # filters
    "http_filters": "The order matters: answer a browser's preflight, verify the caller, ask, forward.",
    "principal/forward": "The upstream gets the token as the client sent it; Holdgate adds to a request, it doesn't \
take its credentials.",
    "principal/require_expiration": "A token without exp would be a principal for ever.",
    "principal/from_headers": "Only here. By default Envoy reads ?access_token= too, and queries end up in logs.",
    "principal/payload_in_metadata": "The claims go to the check server under this key of the metadata namespace \
envoy.filters.http.jwt_authn.",
    "requires/requires_any": "A token that is there has to be valid (401). Without one the request goes on without a \
principal, and the policy decides.",
    "grpc_service/timeout": "For the whole check, a retry included. Envoy tells the check server how much is left of \
it; OPA and Redis get their share of that.",
    "check_settings/grpc_service/timeout": "HOLDGATE_MAX_WAIT, and HOLDGATE_CHECK_TIMEOUT to answer in after that.",
    "grpc_service/retry_policy": "One more try, with another worker process, and only where the first one certainly \
saw nothing. (retry_policy inside envoy_grpc is accepted by Envoy and does nothing.)",
    "host_selection_retry_max_attempts": "How often another worker is drawn for. With few draws the one that failed is \
asked again.",
    "failure_mode_allow": "No answer is no permission.",
    "with_request_body/max_request_bytes": "HOLDGATE_BODY_LIMIT: the check server has to know it to tell a whole \
body from a cut one.",
    "allow_partial_message": "A longer body reaches the check server cut to this size, and is forwarded whole if the \
policy allows it without looking; Holdgate never holds or redeems what it saw only in part (413 body-not-visible). \
With false Envoy itself would answer 413 to every large upload, allowed or not.",
    "pack_as_bytes": "A body sent as text would lose its bytes outside UTF-8, and its digest would be wrong.",
    "clear_route_cache": "The route that was checked is the route that is taken.",
    "status_on_error": "Check server unreachable or late. Envoy's default is 403, which would read as the policy's no.",
    "validate_mutations": "A line break in a header from the check server would otherwise reach the client as a \
header of its own.",
    "encode_raw_headers": "Otherwise doubled headers arrive joined and bytes outside UTF-8 as an exclamation \
mark, and two different requests would look the same.",
    "include_peer_certificate": "source.principal is there without it; policies may want to see the certificate.",
    # clusters
    "holdgate_check": "The check server, one endpoint for each of its worker processes.",
    "holdgate_check/health_checks": "grpc.health.v1. A worker that drains says NOT_SERVING and gets no new checks. \
The intervals without traffic are set because their default is a minute.",
    "holdgate_check/circuit_breakers": "Beyond max_requests a client gets the 503 of an unreachable check server. \
Checks that stay open don't count here, they have a cluster of their own.",
    "holdgate_wait": "The same check server for checks that may stay open until somebody has voted: apart, because \
waiting checks would otherwise use up what plain ones may have, and those get a 503.",
    "holdgate_wait/health_checks": "A worker that drains gets no new checks; those that are open it answers itself.",
    "holdgate_wait/circuit_breakers": "As many as the workers let wait, and besides what they take of plain checks, so \
that Envoy never refuses first: the check server answers one waiter too many with the hold, Envoy would with a 503.",
    "holdgate_console/circuit_breakers": "Clients that wait for the status to change are among them.",
    "outlier_detection": "A worker that died is left out after five failures, without waiting for its health check; \
never more than half of them.",
    "healthy_panic_threshold/value": "Below this share of healthy workers Envoy would send checks to all of them, \
also to those that said NOT_SERVING. Its default is 50 %.",
    "update_merge_window": "By default Envoy collects changes of health for a second before its threads learn of them: \
a worker that drains would be asked on, and one that is back left out.",
    "upstream/circuit_breakers": "max_retries 0 stops a retry policy that somebody adds to a route or to this \
cluster.",
    "transport_socket": "Whoever reaches the check server can claim any principal, so both sides prove who they are.",
    # admin and overload
    "admin": "Loopback only, and only what reads: no /quitquitquit, no /runtime_modify, no /logging.",
    "overload_manager": "Without a bound the number of client connections is limited only by memory. There is room \
for all who wait, so that they leave as many as before to the others.",
}


def comment_of(path: tuple[str, ...]) -> str | None:
    """Return the comment whose key is the longest end of `path`, or None."""
    for start in range(len(path)):
        text = COMMENTS.get("/".join(path[start:]))
        if text is not None:
            return text
    return None


def ends_with_any(path: tuple[str, ...], endings: Collection[str]) -> bool:
    """Whether `path` ends with one of `endings`."""
    return any("/".join(path[start:]) in endings for start in range(len(path)))
