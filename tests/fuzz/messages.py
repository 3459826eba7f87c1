"""Changing what is inside a message: whatever is done to its bytes alone, protobuf mostly refuses."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from google.protobuf.message import DecodeError, Message

from authz.wire.ext_authz_pb2 import CheckRequest
from tests.fuzz.differential.chance import Chance

Leaf = tuple[bytes, Callable[[bytes], None]]


def changed(data: bytes, chance: Chance, change: Callable[[bytes], bytes]) -> bytes:
    """Change one text of the CheckRequest behind the first byte of `data`; nothing where there is none."""
    try:
        request = CheckRequest.FromString(data[1:])
    except DecodeError:
        return data
    texts = list(_leaves(request))
    if not texts:
        return data
    text, put = chance.choice(texts)
    put(change(text))
    return data[:1] + request.SerializeToString(deterministic=True)


def _leaves(message: Message) -> Iterator[Leaf]:
    """Yield the texts in a message with what replaces each."""
    for field, value in message.ListFields():
        if isinstance(value, bytes):
            yield value, _setter(message, field.name)
        elif isinstance(value, str):
            yield value.encode(), _setter(message, field.name, text=True)
        elif _is_map(field):
            yield from _entries(value)
        elif field.message_type is not None:
            for item in value if field.is_repeated else (value,):
                yield from _leaves(item)


def _entries(value: Any) -> Iterator[Leaf]:  # noqa: ANN401 - one of protobuf's maps
    for name in sorted(value):
        if isinstance(value[name], Message):
            yield from _leaves(value[name])
        elif isinstance(value[name], str):
            yield value[name].encode(), _item_setter(value, name)
            yield name.encode(), _renamer(value, name)


def _setter(message: Message, name: str, *, text: bool = False) -> Callable[[bytes], None]:
    return lambda new: setattr(message, name, new.decode("utf-8", "ignore") if text else new)


def _item_setter(value: Any, name: str) -> Callable[[bytes], None]:  # noqa: ANN401 - as above
    return lambda new: value.update({name: new.decode("utf-8", "ignore")})


def _renamer(value: Any, name: str) -> Callable[[bytes], None]:  # noqa: ANN401 - as above
    return lambda new: value.update({new.decode("utf-8", "ignore"): value.pop(name)})


def _is_map(field: Any) -> bool:  # noqa: ANN401 - a FieldDescriptor, of which the stubs know two
    return field.message_type is not None and bool(field.message_type.GetOptions().map_entry)
