"""Protobuf messages with anything in their fields, by their descriptors."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from math import isfinite
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from tests.fuzz.differential.chance import TEXTS, Chance

# Go changes its notation at some of these.
_DOUBLES: Sequence[float] = (
    *(0.0, -0.0, 1.0, -1.0, 1.5, 1e5, 999_999.0, 1e6, 1_234_567.0, 1.7e9, 1e15, 1e16, 2.0**53, 2.0**53 + 2),
    *(1e20, 1e21, 1e22, 1e300, 5e-324, 1e-4, 9.9e-5, 1e-5, 0.1, 123_456.789, 1_234_567.5, 1 / 3, 1e-7),
    *(float("nan"), float("inf"), float("-inf"), 0.000_123_45),
)
# Whole seconds and nanoseconds at the ends of what google.protobuf.Timestamp and Duration may be.
_WHOLE: Sequence[int] = (
    *(0, 1, -1, 5, 1_000, 1_000_000, 500_000_000, 999_999_999, 1_000_000_000, 1_700_000_000),
    *(-62_135_596_800, -62_135_596_801, 253_402_300_799, 253_402_300_800, 315_576_000_000, 315_576_000_001),
    *(2**31 - 1, -(2**31), 2**32 - 1, 2**53 + 1, 2**62, 2**63 - 1, -(2**63), 2**64 - 1),
)
_OCTETS: Sequence[bytes] = (b"", b"\xff\x00", b"abc", b"\x08\x01")
_BY_NAME: dict[str, Sequence[str]] = {
    "principal": ("spiffe://cluster/ns/a", "", *TEXTS),
    "type_url": ("type.googleapis.com/google.protobuf.Duration", "type.googleapis.com/x.Y", ""),
    "paths": ("a", "a_b", "c.d_e", "aB", "", "a__b", "a_1", "a_"),
    "certificate": ("-----BEGIN%20CERTIFICATE-----%0A",),
}
_BITS = {
    FieldDescriptor.TYPE_INT32: (-(2**31), 2**31),
    FieldDescriptor.TYPE_UINT32: (0, 2**32),
    FieldDescriptor.TYPE_INT64: (-(2**63), 2**63),
    FieldDescriptor.TYPE_UINT64: (0, 2**64),
}
_DEEPEST = 3
_LARGEST_SINGLE = 3.4e38


def fill(chance: Chance, message: Message, share: float, depth: int = 0) -> None:
    """Set each field of `message` in this share of calls; of a oneof the last one stays."""
    for field in message.DESCRIPTOR.fields:
        if chance.happens(share):
            _fill_field(chance, message, field, share, depth)


def _fill_field(chance: Chance, message: Message, field: Any, share: float, depth: int) -> None:  # noqa: ANN401 - a FieldDescriptor
    held: Any = getattr(message, field.name)
    kind = field.message_type
    if kind is not None and kind.GetOptions().map_entry:
        _fill_map(chance, held, kind.fields_by_name, share, depth)
    elif kind is None:
        if field.is_repeated:
            held.extend(_scalar(chance, field) for _ in range(chance.randint(0, 3)))
        else:
            setattr(message, field.name, _scalar(chance, field))
    elif depth < _DEEPEST:
        if field.is_repeated:
            for _ in range(chance.randint(0, 3)):
                fill(chance, held.add(), share, depth + 1)
        else:
            held.SetInParent()
            fill(chance, held, share, depth + 1)


def _fill_map(chance: Chance, held: Any, entry: Any, share: float, depth: int) -> None:  # noqa: ANN401 - protobuf's
    for _ in range(chance.randint(0, 2)):
        name = _scalar(chance, entry["key"])
        if entry["value"].message_type is None:
            held[name] = _scalar(chance, entry["value"])
        elif depth < _DEEPEST:
            fill(chance, held[name], share, depth + 1)


def _scalar(chance: Chance, field: Any) -> Any:  # noqa: ANN401 - a FieldDescriptor and its value
    match field.cpp_type:
        case FieldDescriptor.CPPTYPE_STRING if field.type == FieldDescriptor.TYPE_BYTES:
            value: object = chance.choice(_OCTETS)
        case FieldDescriptor.CPPTYPE_STRING:
            value = chance.choice(_BY_NAME.get(field.name, TEXTS))
        case FieldDescriptor.CPPTYPE_BOOL:
            value = chance.happens(0.5)
        case FieldDescriptor.CPPTYPE_ENUM:
            value = chance.choice((0, 1, 2, 9, -1)) if field.enum_type.name != "NullValue" else 0
        case FieldDescriptor.CPPTYPE_DOUBLE:
            value = _double(chance)
        case FieldDescriptor.CPPTYPE_FLOAT:
            value = _single(chance)
        case _:
            lowest, highest = _BITS[field.type]
            value = chance.choice([number for number in _WHOLE if lowest <= number < highest])
    return value


def _double(chance: Chance) -> float:
    way = chance.random()
    if way < 0.6:
        return chance.choice(_DOUBLES)
    if way < 0.8:
        scale = chance.choice((1.0, 0.1, 0.001))
        return chance.randint(-(10 ** chance.choice((3, 7, 12, 18))), 10**9) * scale
    random: float = struct.unpack("<d", chance.randbytes(8))[0]
    return random


def _single(chance: Chance) -> float:
    if chance.happens(0.3):
        random: float = struct.unpack("<f", chance.randbytes(4))[0]
        return random
    number = chance.choice(_DOUBLES)
    return number if abs(number) < _LARGEST_SINGLE or not isfinite(number) else 1.0
