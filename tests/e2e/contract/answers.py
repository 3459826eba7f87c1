"""Answers of a check server, also such as Holdgate never gives."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, cast

import grpc

from authz.wire import ext_authz_pb2 as wire
from tests.e2e.envoy_config.check_server import Answer, allow, deny

Append = Literal["unset", "false", "true"]
Where = Literal["headers", "response_headers_to_add"]


def always(response: wire.CheckResponse) -> Answer:
    """Answer every check with this."""
    return lambda _check, _context: response


def header(
    name: str, value: str | bytes, append: Append = "false", action: str | None = None
) -> wire.HeaderValueOption:
    """Return a header to set. `action` is the name of an append_action."""
    option = wire.HeaderValueOption()
    option.header.key = name
    if isinstance(value, bytes):
        option.header.raw_value = value
    else:
        option.header.value = value
    if append != "unset":
        option.append.value = append == "true"
    if action is not None:
        option.append_action = wire.HeaderValueOption.HeaderAppendAction.Value(action)
    return option


def allowing(
    *headers: wire.HeaderValueOption, remove: Sequence[str] = (), where: Where = "headers"
) -> Answer:
    """Allow, and change the request or the response."""
    response = allow(remove=remove)
    getattr(response.ok_response, where).extend(headers)
    return always(response)


def denying(*headers: wire.HeaderValueOption, status: int = 403, body: str = "") -> Answer:
    """Refuse with headers for the client."""
    response = deny(status, body=body)
    response.denied_response.headers.extend(headers)
    return always(response)


def with_query(*pairs: tuple[str, str]) -> Answer:
    """Allow, and set parameters of the query."""
    response = allow()
    for name, value in pairs:
        response.ok_response.query_parameters_to_set.add(key=name, value=value)
    return always(response)


def erring(status: int, body: str) -> Answer:
    """Answer with an error_response."""
    response = wire.CheckResponse()
    response.status.code = grpc.StatusCode.INTERNAL.value[0]
    response.error_response.status.code = cast("wire.StatusCode.ValueType", status)
    response.error_response.body = body
    return always(response)
