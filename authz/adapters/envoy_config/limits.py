"""The bounds of the shipped Envoy configuration, each with its reason. Seconds and bytes."""

from __future__ import annotations

from typing import Final

CONNECT_TIMEOUT: Final = 1.0
"""A neighbour that hasn't accepted within a second won't; never more than half of the check timeout for checks."""

STREAM_IDLE_TIMEOUT: Final = 300.0
"""Silence on one request before Envoy gives up on it. It goes on counting while a check is held open, so the
longest wait has to stay below it."""

REQUEST_HEADERS_TIMEOUT: Final = 10.0
"""Time from the first byte of a request to the end of its headers: a client that dribbles is dropped."""

DOWNSTREAM_IDLE_TIMEOUT: Final = 900.0
"""A kept-alive client connection without a request."""

TICKET_STATUS_TIMEOUT: Final = 10.0
"""The status of a ticket, besides what a client waits for it to change."""

HEALTH_INTERVAL: Final = 1.0
HEALTH_TIMEOUT: Final = 0.5
UNHEALTHY_THRESHOLD: Final = 2
"""A check server that reports NOT_SERVING gets no new checks after at most `HEALTH_INTERVAL * UNHEALTHY_THRESHOLD`
seconds; draining waits at least that long before it refuses calls."""

DRAIN_SECONDS: Final = HEALTH_INTERVAL * UNHEALTHY_THRESHOLD + HEALTH_TIMEOUT
"""From NOT_SERVING until no Envoy of this configuration sends a new check."""

DEFAULT_MAX_CHECKS: Final = 128
"""Checks in flight for each worker. With Envoy's own default, 1024, an overloaded worker is sent more than it can
answer before Envoy gives up on it."""

MAX_CLIENT_CONNECTIONS: Final = 10_000
MAX_UPSTREAM_REQUESTS: Final = 1024
MAX_TICKET_STATUS_REQUESTS: Final = 256
"""For connections and for the status of tickets there is room for all waiters besides."""

PREFLIGHT_MAX_AGE: Final = 600
"""How long a browser may keep the answer to a preflight, in seconds. Chromium keeps none longer than two hours."""

CONNECTION_BUFFER: Final = 32 * 1024
"""Soft limit of the bytes buffered per connection, where the body limit isn't larger; Envoy's default is 1 MiB for
every one of them."""

DEFAULT_CONNECTION_BUFFER: Final = 1024 * 1024
"""Envoy's own."""

MAX_STREAMS_PER_CONNECTION: Final = 100
STREAM_WINDOW: Final = 64 * 1024
CONNECTION_WINDOW: Final = 1024 * 1024
"""HTTP/2 flow control: what one client may have in flight before Envoy has passed it on. Grows with the body limit,
because Envoy buffers no more of a stream than its window."""

MAX_REQUEST_HEADERS_KIB: Final = 60
MAX_REQUEST_HEADERS_COUNT: Final = 100

CHECK_ENVELOPE: Final = 256 * 1024
"""What a Check may carry besides the body: headers of `MAX_REQUEST_HEADERS_KIB` twice over (the path is sent as a
field and as a header), verified claims, a peer certificate, and framing."""
