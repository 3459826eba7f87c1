"""The one way to answer Envoy.

Only `status.code` decides, and an empty CheckResponse is an allow (measured). So every response is built here, by
one function from an Outcome, and nothing else in the package creates a CheckResponse.
"""

from __future__ import annotations

import re
from typing import Any, assert_never, cast
from urllib.parse import quote

from google.rpc.code_pb2 import OK, PERMISSION_DENIED, UNAVAILABLE

from authz.adapters.envoy.grpc_answer import for_grpc, from_grpc
from authz.domain.answer import Forward, Kind, Respond
from authz.domain.header_mutation import Mutations, NameValues
from authz.services.check.call import Outcome
from authz.wire.ext_authz_pb2 import (
    CheckRequest,
    CheckResponse,
    HeaderValue,
    HeaderValueOption,
    QueryParameter,
    StatusCode,
)

# What may stand in a query as it is (RFC 3986 section 3.4), without `&`, `#` and a `%` that begins no escape: with
# the plugin a policy has to encode values itself, so that what is encoded stays, and the rest can't split a target.
_UNSAFE_IN_QUERY = re.compile(r"%(?![0-9A-Fa-f]{2})|[^A-Za-z0-9._~!$'()*+,;:@/?=%-]+", re.ASCII)
_UNCHANGED = Mutations()
_LOWEST_STATUS, _HIGHEST_STATUS = 200, 599


def check_response(outcome: Outcome, request: CheckRequest) -> CheckResponse:
    """Build the response for the outcome of a request; a gRPC caller is answered in its own terms.

    Raises ValueError on a status that Envoy would pass on blindly, and AssertionError on what is no answer.
    """
    response = CheckResponse()
    match outcome.answer:
        case Respond():
            answer = outcome.answer
            # The policy's own denials stay as they are, as with the OPA Envoy plugin.
            if answer.details is not None and from_grpc(request):
                answer = for_grpc(answer, answer.details)
            _refuse(response, outcome.kind, answer)
        case Forward():
            _forward(response, outcome.answer)
        case _:  # what was filled in for neither would be an allow
            assert_never(outcome.answer)
    metadata = response.dynamic_metadata
    if outcome.metadata:
        # The values are JSON, because OPA's answer was; the stubs can't say so.
        metadata.update(cast("dict[str, Any]", dict(outcome.metadata)))
    # One by one, and what is empty not at all: the general way takes twice as long, and this is done on every check.
    fields = metadata.fields
    fields["decision"].string_value = outcome.kind.value
    if outcome.decision_id:
        fields["decision_id"].string_value = outcome.decision_id
    if outcome.ticket_id:
        fields["ticket_id"].string_value = outcome.ticket_id
    if outcome.rule:
        fields["rule"].string_value = outcome.rule
    return response


def _refuse(response: CheckResponse, kind: Kind, answer: Respond) -> None:
    if not _LOWEST_STATUS <= answer.status <= _HIGHEST_STATUS:
        msg = f"{answer.status} is no final HTTP status"
        raise ValueError(msg)
    response.status.code = UNAVAILABLE if kind is Kind.ERROR else PERMISSION_DENIED
    # Envoy's enum has no names for many statuses; the numbers are passed on as they are.
    response.denied_response.status.code = cast("StatusCode.ValueType", answer.status)
    # `append` true would drop the header silently on a denial (measured), so it is said outright.
    response.denied_response.headers.extend(
        _option(name, value, append=False) for name, value in answer.headers
    )
    response.denied_response.body = answer.body.decode("utf-8", "replace")


def _forward(response: CheckResponse, answer: Forward) -> None:
    response.status.code = OK
    allowed = response.ok_response
    if answer.mutations == _UNCHANGED:
        allowed.SetInParent()
        return
    # Overwriting leaves no spoofed copy; of several values of one name, all but the first are appended.
    allowed.headers.extend(_overwriting(answer.mutations.headers))
    allowed.headers_to_remove.extend(answer.mutations.remove_headers)
    allowed.response_headers_to_add.extend(
        _option(name, value, append=True) for name, value in answer.mutations.response_headers
    )
    allowed.query_parameters_to_set.extend(
        QueryParameter(key=_encoded(name).replace("=", "%3D"), value=_encoded(value))
        for name, value in answer.mutations.set_query
    )
    allowed.query_parameters_to_remove.extend(answer.mutations.remove_query)


def _encoded(text: str) -> str:
    return _UNSAFE_IN_QUERY.sub(lambda unsafe: quote(unsafe[0], safe=""), text)


def _overwriting(pairs: NameValues) -> list[HeaderValueOption]:
    seen: set[str] = set()
    options = []
    for name, value in pairs:
        options.append(_option(name, value, append=name.lower() in seen))
        seen.add(name.lower())
    return options


def _option(name: str, value: str, *, append: bool) -> HeaderValueOption:
    option = HeaderValueOption(header=HeaderValue(key=name, value=value))
    option.append.value = append
    return option
