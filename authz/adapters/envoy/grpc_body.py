"""The message in a gRPC request, by a set of descriptors: what `parsed_body` shows of application/grpc."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from typing import Any, cast

from google.protobuf import json_format
from google.protobuf.descriptor import FieldDescriptor, MethodDescriptor
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.message import DecodeError, Message
from google.protobuf.message_factory import GetMessageClass
from google.protobuf.unknown_fields import UnknownFieldSet

from authz.adapters.envoy.go_json import message_number
from authz.domain.errors import BadRequest, SettingsInvalid

# One byte that says whether the message is compressed, and its length (gRPC over HTTP/2, Length-Prefixed-Message).
_PREFIX = 5
_SERVICE_AND_METHOD = 2
_LENGTH_DELIMITED = 2
_PATH = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*", re.ASCII)


class GrpcBodies:
    """Knows the services of one FileDescriptorSet (`protoc --include_imports --descriptor_set_out`)."""

    def __init__(self, descriptor_set: bytes) -> None:
        """Raises SettingsInvalid when the bytes are no complete descriptor set."""
        self._pool = DescriptorPool()
        problem = (
            "HOLDGATE_PROTO_DESCRIPTOR: no complete FileDescriptorSet; make it with protoc --include_imports"
        )
        try:
            files = FileDescriptorSet.FromString(descriptor_set)
            for file in files.file:
                self._pool.Add(file)
            for file in files.file:
                self._pool.FindFileByName(file.name)
        except (DecodeError, KeyError, TypeError) as error:
            raise SettingsInvalid([problem]) from error

    def parse(self, body: bytes, path: list[str]) -> tuple[object, bool]:
        """Return the message's protobuf JSON, and whether the body was cut inside of it.

        `path` is `parsed_path`. None for a message that is compressed, of a method that the set doesn't know, or of
        one to which clients stream. Raises BadRequest on another path than /SERVICE/METHOD and on a message that
        can't be decoded.
        """
        if len(path) != _SERVICE_AND_METHOD:
            msg = "the path of a gRPC request is not /SERVICE/METHOD"
            raise BadRequest(msg)
        if len(body) < _PREFIX:
            msg = "the body of a gRPC request is shorter than a message's prefix"
            raise BadRequest(msg)
        if body[0]:
            return None, False
        end = _PREFIX + int.from_bytes(body[1:_PREFIX], "big")
        if end > len(body):
            return None, True
        method = self._method(*path)
        if method is None or method.client_streaming:
            return None, False
        return self._message(method, body[_PREFIX:end]), False

    def _method(self, service: str, method: str) -> MethodDescriptor | None:
        try:
            return self._pool.FindServiceByName(service).FindMethodByName(method)
        except KeyError:
            return None

    def _message(self, method: MethodDescriptor, data: bytes) -> object:
        message = GetMessageClass(method.input_type)()
        try:
            message.ParseFromString(data)
            if message.IsInitialized() and _writable(message):
                return _rendered(json_format.MessageToDict(message, descriptor_pool=self._pool))
        except (
            DecodeError,
            json_format.Error,
            TypeError,
            ValueError,
            OverflowError,
            RecursionError,
        ) as error:
            msg = "the message of a gRPC request can't be decoded"
            raise BadRequest(msg) from error
        msg = "the message of a gRPC request lacks a required field or has no JSON form"
        raise BadRequest(msg)


def _writable(message: Message) -> bool:
    """Say whether Go would write it, where Python is less strict: a Value of no kind, an odd path in a FieldMask."""
    match message.DESCRIPTOR.full_name:
        case "google.protobuf.Value":
            if message.WhichOneof("kind") is None:
                return False
        case "google.protobuf.FieldMask":
            return all(_PATH.fullmatch(path) for path in cast("FieldMask", message).paths)
        case _:
            pass
    if _lost_entries(message):
        return False
    return all(_writable(item) for field, value in message.ListFields() for item in _messages(field, value))


def _lost_entries(message: Message) -> bool:
    """Say whether an entry of a map was kept as unknown, because something unknown is in it.

    Other readers take such an entry; a policy must not overlook it.
    """
    fields = message.DESCRIPTOR.fields_by_number
    for unknown in cast("Iterable[Any]", UnknownFieldSet(message)):
        field = fields.get(unknown.field_number)
        if field is not None and _is_map(field) and unknown.wire_type == _LENGTH_DELIMITED:
            return True
    return False


def _is_map(field: Any) -> bool:  # noqa: ANN401 - a FieldDescriptor, of which the stubs know two
    return field.message_type is not None and bool(field.message_type.GetOptions().map_entry)


def _messages(field: FieldDescriptor, value: Any) -> Iterable[Message]:  # noqa: ANN401 - a field's value
    if field.message_type is None:
        return ()
    if not field.is_repeated:
        return (value,)
    if not _is_map(field):
        return cast("Iterable[Message]", value)
    kind = field.message_type.fields_by_name["value"].message_type
    return () if kind is None else cast("Iterable[Message]", value.values())


def _rendered(value: Any) -> object:  # noqa: ANN401 - any JSON
    """Write numbers as Go's protobuf does."""
    if isinstance(value, dict):
        return {name: _rendered(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_rendered(item) for item in value]
    if isinstance(value, float) and math.isfinite(value):
        return message_number(value)
    return value
