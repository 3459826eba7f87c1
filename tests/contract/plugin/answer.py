"""An authorization server's answer, as plain data that two servers can be compared by.

What makes no difference to Envoy is no difference here: the order of names, a removal said twice, an empty
`ok_response`, a 403 without a `denied_response`. Headers for the upstream are what Envoy makes of them: without
`append`, the last of a name stays.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from http import HTTPStatus
from typing import Any

from google.protobuf.json_format import MessageToDict

from authz.wire.ext_authz_pb2 import CheckResponse, HeaderValueOption
from tests.contract.plugin.case import exact
from tests.support.grpc_details import decoded, details

# Holdgate's own words about its answer.
_OURS = {"decision_id", "decision", "dry_run"}
_THE_PLUGINS_TOO = {"BAD_REQUEST": {"bad_request": True}, "UNAVAILABLE": {"error": True}}


def plain(response: CheckResponse | None) -> Any:  # noqa: ANN401 - any JSON
    """Return `{"error"}`, `{"bad_request"}`, `{"input"}`, `{"allow"}` or `{"deny"}`. None is an RPC error.

    Holdgate alone can have another `{"problem"}`.
    """
    if response is None:
        return {"error": True}
    said = {
        name: value for name, value in MessageToDict(response.dynamic_metadata).items() if name not in _OURS
    }
    if response.status.code == 0:
        allowed = response.ok_response
        return _filled(
            "allow",
            metadata=said,
            headers=_overwritten(allowed.headers),
            remove=sorted(set(allowed.headers_to_remove)),
            response_headers=_listed(
                (option.header.key, option.header.value) for option in allowed.response_headers_to_add
            ),
            query=_listed((pair.key, pair.value) for pair in allowed.query_parameters_to_set),
            remove_query=list(allowed.query_parameters_to_remove),
        )
    denied = response.denied_response
    status = int(denied.status.code) or int(HTTPStatus.FORBIDDEN)
    # The plugin gives every decision an id, and a request that it can't parse none.
    unparsed = status == HTTPStatus.BAD_REQUEST and "decision_id" not in response.dynamic_metadata
    problem = "BAD_REQUEST" if unparsed else _problem(response)
    if problem:
        return _THE_PLUGINS_TOO.get(problem, {"problem": problem})
    if denied.body.startswith("{") and '"version":' in denied.body:
        return {"input": exact(denied.body)}
    headers = _listed((option.header.key, option.header.value) for option in denied.headers)
    return _filled("deny", status=status, headers=headers, body=denied.body, metadata=said)


def _problem(response: CheckResponse) -> str:
    """Return the reason of a problem of Holdgate's own, nothing that the policy said: of HTTP, or of gRPC."""
    headers = {option.header.key: option.header.value for option in response.denied_response.headers}
    if "grpc-status-details-bin" in headers:
        return details(decoded(headers["grpc-status-details-bin"])).reason
    if headers.get("content-type") != "application/problem+json":
        return ""
    prefix, _, slug = json.loads(response.denied_response.body)["type"].rpartition(":")
    return slug.replace("-", "_").upper() if prefix == "urn:holdgate:problem" else ""


def _overwritten(options: Iterable[HeaderValueOption]) -> dict[str, list[str]]:
    headers: dict[str, list[str]] = {}
    for option in options:
        name, value = option.header.key.lower(), option.header.value
        headers[name] = [*headers.get(name, ()), value] if option.append.value else [value]
    return headers


def _listed(pairs: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    values: dict[str, list[str]] = {}
    for name, value in pairs:
        values.setdefault(name, []).append(value)
    return values


def _filled(kind: str, **parts: Any) -> dict[str, Any]:  # noqa: ANN401 - any JSON
    """Leave out what is empty, and write numbers as the cases do."""
    return {kind: exact(json.dumps({name: value for name, value in parts.items() if value}))}
