"""One JSON line per request on standard output, without anything that grants or identifies."""

from __future__ import annotations

from typing import Final

from envoy_data_plane.envoy.config.accesslog.v3 import AccessLog
from envoy_data_plane.envoy.config.core.v3 import SubstitutionFormatString
from envoy_data_plane.envoy.extensions.access_loggers.stream.v3 import StdoutAccessLog
from envoy_data_plane.google.protobuf import Any, Struct

from authz.adapters.envoy_config.ext_authz import EXT_AUTHZ

_FIELDS: Final = {
    "time": "%START_TIME%",
    "method": "%REQ(:METHOD)%",
    "host": "%REQ(:AUTHORITY)%",
    "path": "%PATH(NQ)%",
    "protocol": "%PROTOCOL%",
    "status": "%RESPONSE_CODE%",
    "details": "%RESPONSE_CODE_DETAILS%",
    "flags": "%RESPONSE_FLAGS%",
    "duration_ms": "%DURATION%",
    "bytes_received": "%BYTES_RECEIVED%",
    "bytes_sent": "%BYTES_SENT%",
    "request_id": "%REQ(X-REQUEST-ID)%",
    "route": "%ROUTE_NAME%",
    "upstream": "%UPSTREAM_HOST%",
    "decision": f"%DYNAMIC_METADATA({EXT_AUTHZ}:decision)%",
    "decision_id": f"%DYNAMIC_METADATA({EXT_AUTHZ}:decision_id)%",
    "rule": f"%DYNAMIC_METADATA({EXT_AUTHZ}:rule)%",
    "ticket_id": f"%DYNAMIC_METADATA({EXT_AUTHZ}:ticket_id)%",
}


def access_log() -> AccessLog:
    """Return a stdout log whose values Envoy escapes as JSON."""
    return AccessLog(
        name="envoy.access_loggers.stdout",
        typed_config=Any.pack(
            StdoutAccessLog(log_format=SubstitutionFormatString(json_format=Struct.from_dict(_FIELDS)))
        ),
    )
