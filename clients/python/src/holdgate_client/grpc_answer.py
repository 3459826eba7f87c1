from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from google.protobuf.message import DecodeError
from google.rpc.error_details_pb2 import ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status

from holdgate_client.hold import Hold
from holdgate_client.problem import TYPE_PREFIX, Problem
from holdgate_client.ticket import HEADER, TOKEN

Metadata = Iterable[tuple[str, str | bytes]]

_DETAILS: Final = "grpc-status-details-bin"
_DOMAIN: Final = "holdgate"
_HELD: Final = "HELD"
_OBJECTS: Final = ("progress", "links")
# What an ErrorInfo has as JSON, because it has texts alone. Others are texts that may look like it.
_AS_JSON: Final = frozenset({"progress_given", "progress_needed", "progress_awaiting", "changed", "used_by"})


@dataclass(frozen=True, slots=True)
class GrpcAnswer:
    """What Holdgate says of a call in its status details: google.rpc.ErrorInfo and RetryInfo.

    `members` are as those of the JSON that clients of HTTP get, `message` is the status's.
    """

    reason: str
    message: str
    members: Mapping[str, object]
    retry_after: float | None
    token: str | None = field(repr=False)

    @classmethod
    def parse(cls, metadata: Metadata) -> GrpcAnswer | None:
        """Read the metadata that a call ended with; None when Holdgate says nothing there."""
        values = list(metadata)
        encoded = [value for name, value in values if name == _DETAILS and isinstance(value, bytes)]
        if len(encoded) != 1:
            return None
        try:
            status = Status.FromString(encoded[0])
            info, retry = _details(status)
        except DecodeError:
            return None
        if info is None or info.domain != _DOMAIN:
            return None
        tokens = [value for name, value in values if name == HEADER and isinstance(value, str)]
        token = tokens[0] if len(tokens) == 1 and TOKEN.fullmatch(tokens[0]) else None
        delay = None if retry is None else retry.retry_delay.seconds + retry.retry_delay.nanos / 1e9
        return cls(info.reason, status.message, _members(info.metadata), delay, token)

    def hold(self) -> Hold | None:
        """Return what is waited for; None when this isn't a hold."""
        if self.reason != _HELD or self.token is None:
            return None
        return Hold.parse({**self.members, "detail": self.message})

    def problem(self) -> Problem:
        """Return it as a problem."""
        kind = self.reason.lower().replace("_", "-")
        members = {**self.members, "type": TYPE_PREFIX + kind, "detail": self.message}
        read = Problem.parse(members, 0, self.retry_after)
        return read if read is not None else Problem(kind, 0, "", self.message)


def _details(status: Status) -> tuple[ErrorInfo | None, RetryInfo | None]:
    info, retry = ErrorInfo(), RetryInfo()
    found_info = any(detail.Unpack(info) for detail in status.details)
    found_retry = any(detail.Unpack(retry) for detail in status.details)
    return (info if found_info else None), (retry if found_retry else None)


def _members(metadata: Mapping[str, str]) -> dict[str, object]:
    members: dict[str, object] = {name: {} for name in _OBJECTS}
    for name, text in metadata.items():
        value = _read(text) if name in _AS_JSON else text
        outer, _, inner = name.partition("_")
        within = members.get(outer)
        if outer in _OBJECTS and isinstance(within, dict):
            within[inner] = value
        else:
            members[name] = value
    return members


def _read(text: str) -> object:
    try:
        value: object = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return value
