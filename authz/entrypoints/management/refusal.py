"""Which gRPC status each error becomes. Nothing of an unforeseen exception's text gets out.

The details are a google.rpc.Status with ErrorInfo and, where trying again makes sense, RetryInfo, in the
trailing metadata `grpc-status-details-bin` (gRPC's richer error model).
"""

from __future__ import annotations

from dataclasses import dataclass

from google.protobuf.any_pb2 import Any
from google.protobuf.duration_pb2 import Duration
from google.rpc.error_details_pb2 import ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status
from grpc import StatusCode

from authz.domain.errors import HoldgateError, PolicyMalformed, RecordUnreadable, Unavailable, VoteRefused
from authz.entrypoints.management.metadata_keys import DETAILS_KEY

DOMAIN = "holdgate"
RETRY_SECONDS = 1

_OF_VOTE = {
    "unknown-ticket": StatusCode.NOT_FOUND,
    "unknown-review": StatusCode.NOT_FOUND,
    "unknown-letter": StatusCode.NOT_FOUND,
    "unknown-person": StatusCode.PERMISSION_DENIED,
    "own-request": StatusCode.PERMISSION_DENIED,
    "not-your-request": StatusCode.PERMISSION_DENIED,
    "not-an-approver": StatusCode.PERMISSION_DENIED,
    "not-permitted": StatusCode.PERMISSION_DENIED,
    "sign-in-too-weak": StatusCode.PERMISSION_DENIED,
    "unlinked-namespace": StatusCode.PERMISSION_DENIED,
    "high-risk-on-page": StatusCode.PERMISSION_DENIED,
    "already-decided": StatusCode.FAILED_PRECONDITION,
    "already-voted": StatusCode.FAILED_PRECONDITION,
    "already-reviewed": StatusCode.FAILED_PRECONDITION,
    "letter-unreadable": StatusCode.FAILED_PRECONDITION,
    "not-voted": StatusCode.FAILED_PRECONDITION,
    "not-approved": StatusCode.FAILED_PRECONDITION,
    "too-many-withdrawals": StatusCode.FAILED_PRECONDITION,
    "withdrawn-since": StatusCode.FAILED_PRECONDITION,
    "votes-enough": StatusCode.FAILED_PRECONDITION,
    "stale-view": StatusCode.ABORTED,
    "comment-missing": StatusCode.INVALID_ARGUMENT,
    "comment-too-long": StatusCode.INVALID_ARGUMENT,
}


class CallRefused(HoldgateError):
    """A call that this API itself turns down. `reason` is stable; the message is for the caller."""

    def __init__(self, status: StatusCode, reason: str, message: str, *, retry: bool = False) -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason
        self.retry = retry


@dataclass(frozen=True, slots=True)
class Refusal:
    """A status to end a call with. `retry` adds a RetryInfo."""

    status: StatusCode
    reason: str
    message: str
    retry: bool = False

    def trailing_metadata(self) -> tuple[tuple[str, bytes], ...]:
        """Return the details as gRPC transports them."""
        status = Status(code=_number(self.status), message=self.message)
        details: list[ErrorInfo | RetryInfo] = [ErrorInfo(reason=self.reason, domain=DOMAIN)]
        if self.retry:
            details.append(RetryInfo(retry_delay=Duration(seconds=RETRY_SECONDS)))
        for detail in details:
            packed = Any()
            packed.Pack(detail)
            status.details.append(packed)
        return ((DETAILS_KEY, status.SerializeToString()),)


def refusal_of(error: Exception) -> Refusal:
    """Return the status for any exception that a handler let out."""
    match error:
        case CallRefused():
            return Refusal(error.status, error.reason, str(error), error.retry)
        case VoteRefused():
            return Refusal(_OF_VOTE.get(error.code, StatusCode.PERMISSION_DENIED), error.code, str(error))
        case Unavailable():
            text = f"{error.dependency} did not answer in time. Trying the same again is safe."
            return Refusal(StatusCode.UNAVAILABLE, f"{error.dependency}-unavailable", text, retry=True)
        case PolicyMalformed():
            text = "The operator's rule about who may do this gave no usable answer. Nothing was recorded."
            return Refusal(StatusCode.UNAVAILABLE, "rule-malformed", text)
        case RecordUnreadable():
            text = "The stored record of this ticket can't be read; the operator's log has the details."
            return Refusal(StatusCode.INTERNAL, "record-unreadable", text)
        case _:
            return Refusal(
                StatusCode.INTERNAL, "internal", "This call failed; the operator's log has the details."
            )


def _number(status: StatusCode) -> int:
    number: int = status.value[0]
    return number
