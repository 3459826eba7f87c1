"""Makes a request that shows a difference as small as it can be."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from typing import Any

from google.protobuf.message import Message

from authz.wire.ext_authz_pb2 import CheckRequest

_ASKED_AT_MOST = 600


async def minimised(check: CheckRequest, still: Callable[[CheckRequest], Awaitable[bool]]) -> CheckRequest:
    """Leave out whatever can be left out while `still` says yes, in a bounded number of tries."""
    asked = 0
    smaller = True
    while smaller:
        smaller = False
        for candidate in _candidates(check):
            asked += 1
            if asked > _ASKED_AT_MOST:
                return check
            if await still(candidate):
                check, smaller = candidate, True
                break
    return check


def _candidates(check: CheckRequest) -> Iterator[CheckRequest]:
    """Yield the request with one thing less, the largest things first."""
    for count, _ in enumerate(_changes(check)):
        candidate = CheckRequest()
        candidate.CopyFrom(check)
        change = next(change for number, change in enumerate(_changes(candidate)) if number == count)
        change()
        yield candidate


def _changes(message: Message) -> Iterator[Callable[[], Any]]:
    fields = message.ListFields()
    for field, value in fields:
        yield partial(message.ClearField, field.name)
        if field.is_repeated:
            keys = sorted(value) if _is_map(field) else range(len(value))
            yield from (partial(value.pop, key) for key in keys)
    for field, value in fields:
        if isinstance(value, str | bytes):
            yield from (partial(setattr, message, field.name, less) for less in _shorter(value))
        elif _is_map(field):
            yield from _within_map(value)
        elif field.message_type is not None:
            for item in value if field.is_repeated else (value,):
                yield from _changes(item)


def _within_map(value: Any) -> Iterator[Callable[[], Any]]:  # noqa: ANN401 - one of protobuf's maps
    for key in sorted(value):
        if isinstance(value[key], Message):
            yield from _changes(value[key])
        elif isinstance(value[key], str):
            yield from (partial(value.update, {key: less}) for less in _shorter(value[key]))


def _is_map(field: Any) -> bool:  # noqa: ANN401 - a FieldDescriptor, of which the stubs know two
    return field.message_type is not None and bool(field.message_type.GetOptions().map_entry)


def _shorter(text: str | bytes) -> Iterator[str | bytes]:
    size = len(text)
    while size:
        for start in range(0, len(text), size):
            yield text[:start] + text[start + size :]  # type: ignore[operator] # both halves are of one type
        size //= 2
